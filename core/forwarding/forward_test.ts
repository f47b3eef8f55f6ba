import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { Drop } from "../contracts/drop.ts";
import type { PeerId } from "../contracts/values.ts";
import { formatAddress, parseAddress } from "../wire/address.ts";
import { parsePrefix } from "../wire/prefix.ts";
import { type Decision, forwardFromMesh, forwardFromPort, type ForwardingView } from "./forward.ts";
import { RangeTable } from "./range_table.ts";

const [us, founder, other, router] = ["us", "founder", "other", "router"] as [PeerId, PeerId, PeerId, PeerId];

/** The founder owns 10.32/12 and has granted one /20 to us and one to another peer; we serve a device with a /24. */
const view: ForwardingView = {
  self: us,
  routes: new RangeTable([
    { prefix: parsePrefix("10.32.0.0/12")!, owner: founder },
    { prefix: parsePrefix("10.40.0.0/20")!, owner: us, grantedBy: founder },
    { prefix: parsePrefix("10.41.0.0/20")!, owner: other, grantedBy: founder },
    { prefix: parsePrefix("192.168.7.0/24")!, owner: router, isDevice: true },
    { prefix: parsePrefix("192.168.8.0/24")!, owner: "second" as PeerId, isDevice: true },
  ]),
  holds: (address) => formatAddress(address) === "10.40.0.1",
};
const ours = "10.40.0.1",
  ourFree = "10.40.0.9",
  founders = "10.32.0.1",
  others = "10.41.0.1",
  behind = "192.168.7.9",
  behindSecond = "192.168.8.9",
  outside = "192.0.2.1";

const packet = (source: string, destination: string) => ({
  source: parseAddress(source)!,
  destination: parseAddress(destination)!,
});
const fromPort = (source: string, destination: string) => forwardFromPort(packet(source, destination), view);
const fromMesh = (from: PeerId, source: string, destination: string, forwarded = false) =>
  forwardFromMesh(packet(source, destination), from, forwarded, view);
const dropped = (drop: Drop): Decision => ({ to: "nowhere", drop });

test("a local endpoint sends from its own address only", () => {
  assert.deepEqual(fromPort(ourFree, others), dropped(Drop.badSource));
  assert.deepEqual(fromPort(others, ours), dropped(Drop.badSource));
  assert.deepEqual(fromPort(outside, others), dropped(Drop.badSource));
});

test("a local packet goes to the owner of its destination, unflagged", () => {
  assert.deepEqual(fromPort(ours, others), { to: "peer", peer: other, forwarded: false });
  assert.deepEqual(fromPort(ours, founders), { to: "peer", peer: founder, forwarded: false });
  assert.deepEqual(fromPort(ours, ours), { to: "local" });
});

test("an address of our range that nobody holds is unreachable, and one outside every range has no route", () => {
  assert.deepEqual(fromPort(ours, ourFree), { to: "unreachable" });
  assert.deepEqual(fromMesh(other, others, ourFree), { to: "unreachable" });
  assert.deepEqual(fromPort(ours, outside), dropped(Drop.noRoute));
});

test("a peer may send from its own range and from no other", () => {
  assert.deepEqual(fromMesh(other, others, ours), { to: "local" });
  assert.deepEqual(fromMesh(other, founders, ours), dropped(Drop.badSource));
  assert.deepEqual(fromMesh(founder, others, ours), dropped(Drop.badSource));
  assert.deepEqual(fromMesh(other, ours, ours), dropped(Drop.badSource), "not even from ours");
  assert.deepEqual(fromMesh(other, outside, ours), dropped(Drop.badSource));
});

test("a misdirected packet is passed on once, flagged, and never back to where it came from", () => {
  assert.deepEqual(fromMesh(founder, founders, others), { to: "peer", peer: other, forwarded: true });
  assert.deepEqual(fromMesh(founder, founders, others, true), dropped(Drop.loop));
  assert.deepEqual(fromMesh(other, others, others), dropped(Drop.loop));
  assert.deepEqual(fromMesh(other, others, outside), dropped(Drop.notOurs));
});

test("a flagged packet is believed of the grantor of our range alone", () => {
  assert.deepEqual(fromMesh(founder, others, ours, true), { to: "local" });
  assert.deepEqual(fromMesh(other, founders, ours, true), dropped(Drop.badSource));
  assert.deepEqual(
    fromMesh(founder, ours, ours, true),
    dropped(Drop.badSource),
    "our own source comes from nowhere else",
  );
});

test("a device and endpoints of this node reach each other", () => {
  assert.deepEqual(fromPort(ours, behind), { to: "peer", peer: router, forwarded: false });
  assert.deepEqual(fromMesh(router, behind, ours), { to: "local" });
  assert.deepEqual(fromMesh(router, behind, ourFree), { to: "unreachable" });
});

test("a device sends from its own prefixes only, and nobody sends for it", () => {
  assert.deepEqual(fromMesh(router, others, ours), dropped(Drop.badSource));
  assert.deepEqual(fromMesh(router, behindSecond, ours), dropped(Drop.badSource));
  assert.deepEqual(fromMesh(router, outside, ours), dropped(Drop.badSource));
  assert.deepEqual(fromMesh(router, ours, ours), dropped(Drop.badSource));
  assert.deepEqual(fromMesh(other, behind, ours), dropped(Drop.badSource));
  assert.deepEqual(
    fromMesh(founder, behind, ours, true),
    dropped(Drop.badSource),
    "not even who granted our range",
  );
  assert.deepEqual(
    fromMesh(router, others, ours, true),
    dropped(Drop.badSource),
    "a device passes nothing on",
  );
});

test("what a device sends to members or devices, and what members send to a device, ends here", () => {
  assert.deepEqual(fromMesh(router, behind, others), dropped(Drop.notOurs));
  assert.deepEqual(fromMesh(router, behind, behindSecond), dropped(Drop.notOurs));
  assert.deepEqual(fromMesh(router, behind, behind), dropped(Drop.notOurs));
  assert.deepEqual(fromMesh(router, behind, outside), dropped(Drop.notOurs));
  assert.deepEqual(fromMesh(other, others, behind), dropped(Drop.notOurs));
});
