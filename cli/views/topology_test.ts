import assert from "node:assert/strict";
import type { LinkStatus, PeerLinksStatus } from "../../core/contracts/topology.ts";
import type { PeerId } from "../../core/contracts/values.ts";
import { test } from "../../tests/harness.ts";
import { peerLinksText } from "./topology.ts";

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

test("colours stand only where something is not as it should be, and no name can move the cursor", () => {
  const lines = peerLinksText({ colours: true }, [peer]).split("\n");
  assert.deepEqual(lines.map((line) => line.includes("\u001b[")), [false, false, true, false]);
  const hostile = { ...peer, name: "x\u001b[2J", links: [{ ...link, name: "y\u001b[2J" }] };
  assert.equal(peerLinksText({ colours: false }, [hostile]).includes("\u001b"), false);
});
