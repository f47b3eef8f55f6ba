import assert from "node:assert/strict";
import type { LinkStatus, PeerLinksStatus, WayStatus } from "../../core/contracts/topology.ts";
import type { PeerId } from "../../core/contracts/values.ts";
import { test } from "../../tests/harness.ts";
import { peerLinksText, waysTable } from "./topology.ts";

const link: LinkStatus = {
  direction: "->",
  peer: "m2wz" as PeerId,
  name: "host2",
  endpoint: "192.0.2.2:6783",
  state: "established",
  rttMillis: 0.4,
};
const unknown: LinkStatus = {
  ...link,
  direction: "<-",
  peer: null,
  name: null,
  endpoint: null,
  state: "pending",
  rttMillis: null,
};
const peer: PeerLinksStatus = {
  peer: "k3vq" as PeerId,
  name: "host1",
  self: true,
  relay: "willing",
  links: [link, unknown],
};
const way: WayStatus = {
  peer: "p7fh" as PeerId,
  name: "host4",
  way: "relayed",
  via: [{ peer: "m2wz" as PeerId, name: "host2" }, { peer: null, name: null }],
  hops: 3,
  rttMillis: 1.8,
  reason: "no link to it",
};

test("links stand below their peer, in columns, what is not known as a dash", () => {
  const text = peerLinksText({ colours: false }, [peer, { ...peer, relay: "never", links: [] }]);
  assert.equal(
    text,
    [
      "k3vq(host1)",
      "   -> 192.0.2.2:6783   m2wz(host2)   established   0.40ms",
      "   <- -                unknown       pending       -",
      "k3vq(host1) relay: never",
      "",
    ].join("\n"),
  );
});

test("a way names what it crosses, and why no better one is taken", () => {
  const lost: WayStatus = {
    ...way,
    way: "unreachable",
    via: [],
    hops: 0,
    rttMillis: null,
    reason: "no path to it",
  };
  const [, relayed, none] = waysTable({ colours: false }, [way, lost]).split("\n");
  assert.match(relayed!, /^p7fh\(host4\) +relayed +host2, unknown +1\.80ms +no link to it$/);
  assert.match(none!, /^p7fh\(host4\) +unreachable +- +- +no path to it$/);
});

test("colours stand only where something is not as it should be, and no name can move the cursor", () => {
  const coloured = waysTable({ colours: true }, [way, { ...way, way: "direct" }]).split("\n");
  assert.ok(coloured[1]!.includes("\u001b["));
  assert.equal(coloured[2]!.includes("\u001b["), false);
  const hostile = { ...peer, name: "x\u001b[2J", links: [{ ...link, name: "y\u001b[2J" }] };
  assert.equal(peerLinksText({ colours: false }, [hostile]).includes("\u001b"), false);
});
