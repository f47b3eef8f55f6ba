/** The data path as a whole, on memory: which counters move, and that no others do. */
import assert from "node:assert/strict";
import { routeIntervals } from "./route_intervals.ts";
import { parseAddress } from "../wire/address.ts";
import { encodeEthernet, EtherType } from "../wire/ethernet.ts";
import { macOfAddress } from "../wire/mac.ts";
import { test } from "../../tests/harness.ts";
import { cross, farMac, frame, fromTap, near, nearMac, pair, sockaddr } from "./wired_pair_fixture.ts";

test("a frame is sealed for the peer that owns its destination, opened there, and written with the MACs of that link", () => {
  const { a, b } = pair();
  const payload = Uint8Array.from({ length: 1000 }, (_, i) => i & 255);
  a.frames.push(fromTap(frame(payload)));
  a.settle();
  assert.equal(a.sent.length, 1);
  assert.deepEqual(a.sent[0]!.to, sockaddr(2));
  assert.deepEqual(a.counts(), { packetsSent: 1 });
  cross(a.sent[0]!, b);
  const packet = frame(payload).subarray(14);
  const expected = encodeEthernet(farMac, macOfAddress(near), EtherType.ipv4, packet);
  assert.deepEqual(b.written, [fromTap(expected)]);
  assert.deepEqual(b.counts(), { packetsDelivered: 1, framesOut: 1 });
  assert.deepEqual(b.punted(), []);
});

test("packets of one size for one peer leave in one call, in order, and the shorter last one with them", () => {
  const { a, b } = pair();
  const sizes = [500, 500, 500, 20];
  for (const [i, size] of sizes.entries()) a.frames.push(fromTap(frame(new Uint8Array(size).fill(i))));
  a.settle();
  assert.equal(a.sent.length, 1);
  cross(a.sent[0]!, b);
  assert.deepEqual(b.written.map((each) => each.at(-1)), [0, 1, 2, 3]);
  assert.deepEqual(b.counts(), { packetsDelivered: 4, framesOut: 4 });
});

test("a datagram that comes twice is delivered once, and one that was changed not at all", () => {
  const { a, b } = pair();
  a.frames.push(fromTap(frame(new Uint8Array(100))));
  a.settle();
  const [train] = a.sent;
  const changed = { ...train!, bytes: train!.bytes.map((byte, i) => i === 40 ? byte ^ 1 : byte) };
  cross(changed, b);
  cross(train!, b);
  cross(train!, b);
  assert.deepEqual(b.counts(), { packetsDelivered: 1, framesOut: 1, badTag: 1, replayed: 1 });
});

test("what the tables do not answer is the main thread's, as it came", () => {
  const { a, b } = pair();
  const foreign = parseAddress("10.32.9.9")!;
  const frames = [
    frame(new Uint8Array(10), { source: foreign }),
    frame(new Uint8Array(10), { mac: farMac }),
    encodeEthernet(new Uint8Array(6).fill(255), nearMac, EtherType.arp, new Uint8Array(46)),
    frame(new Uint8Array(1_400)),
  ];
  a.frames.push(...frames.map(fromTap));
  a.settle();
  // They are of three flows, which have no order among each other.
  const byText = (left: object, right: object) => JSON.stringify(left) < JSON.stringify(right) ? -1 : 1;
  const punts = frames.map((bytes) => ({ kind: "frame", bytes }));
  assert.deepEqual([...a.punted()].sort(byText), punts.sort(byText));
  assert.deepEqual(a.counts(), {});
  const handshake = Uint8Array.of(1, 1, 0, 0, 9, 9);
  cross({ bytes: handshake, size: 6, to: sockaddr(2) }, b);
  assert.deepEqual(b.punted().map((punt) => punt.kind === "datagram" ? punt.bytes : punt.kind), [handshake]);
});

test("a packet from an address that is not its sender's, or from a new place, is handed over opened", () => {
  const { a, b } = pair();
  a.frames.push(fromTap(frame(new Uint8Array(30))));
  a.settle();
  const elsewhere = sockaddr(77);
  cross(a.sent[0]!, b, elsewhere);
  const [moved] = b.punted();
  assert.ok(moved?.kind === "opened");
  assert.deepEqual([moved.counter, moved.isNewest, moved.from.subarray(0, 16)], [0, true, elsewhere]);
  assert.deepEqual(moved.bytes.subarray(4), frame(new Uint8Array(30)).subarray(14));
  b.tell({ kind: "routes", version: 2, ...routeIntervals([]) });
  a.frames.push(fromTap(frame(new Uint8Array(30))));
  a.settle();
  cross(a.sent[1]!, b);
  assert.deepEqual(b.punted().map(({ kind }) => kind), ["opened"]);
  assert.deepEqual(b.written, []);
});

test("a session that ended is nobody's, and its slot is free", () => {
  const { a, b } = pair();
  a.frames.push(fromTap(frame(new Uint8Array(30))));
  a.settle();
  b.cells.end(0);
  b.tell({ kind: "end-session", slot: 0 });
  cross(a.sent[0]!, b);
  assert.deepEqual(b.punted().map(({ kind }) => kind), ["datagram"]);
  assert.equal(b.cells.open(), 0);
});

test("a socket that cannot cut trains is given datagrams one by one from then on", () => {
  const { a, b } = pair();
  const three = () => a.frames.push(...[1, 2, 3].map((i) => fromTap(frame(new Uint8Array(90).fill(i)))));
  a.refusals.push(-22);
  three();
  a.settle();
  assert.equal(a.sent.length, 3);
  three();
  a.settle();
  assert.equal(a.sent.length, 6);
  for (const train of a.sent) cross(train, b);
  assert.deepEqual(b.counts(), { packetsDelivered: 6, framesOut: 6 });
});

test("what the kernel does not take is counted by its reason", () => {
  const { a } = pair();
  a.refusals.push(-11, -11, -90, -1);
  for (let i = 0; i < 3; i++) {
    a.frames.push(fromTap(frame(new Uint8Array(90))));
    a.settle();
  }
  assert.deepEqual(a.counts(), { packetsSent: 3, sendsRefused: 3, queueFull: 1, tooBig: 1, underlay: 1 });
});
