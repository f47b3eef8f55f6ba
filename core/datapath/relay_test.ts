/** Relayed messages in the loop: three data paths in a row, of which the outer two have no way to each other. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import type { Command } from "./control.ts";
import { readRelaySender } from "./relay_sender.ts";
import { nobleArenaSuites } from "./noble_arena_aead.ts";
import { heapArena } from "./arena.ts";
import { anySource } from "./source_address.ts";
import { carry, chain, frameBetween, slots, tags, through } from "./wired_chain_fixture.ts";
import type { WiredCore } from "./wired_cores_fixture.ts";
import { frame, fromTap, sockaddr, superFrame } from "./wired_pair_fixture.ts";

const chacha = nobleArenaSuites().find(({ name }) => name === "chacha20-poly1305")!;
const nowhere = { sockaddr: new Uint8Array(0), source: anySource };
const udpAt = 10 + 14 + 20 + 8;

function push(core: WiredCore, payloads: readonly Uint8Array[], isBack = false): void {
  for (const payload of payloads) core.frames.push(frameBetween(payload, isBack));
  core.settle();
}

function filled(count: number, length = 90): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => new Uint8Array(length).fill(i));
}

function payloadsOf(core: WiredCore): Uint8Array[] {
  return core.written.map((each) => each.slice(udpAt));
}

test("packets cross through a relay as they were, in trains, and no thread but the loops has a part in it", () => {
  const world = chain();
  const { a, r, b } = world;
  push(a, filled(10));
  const sizes = a.sent.map(({ bytes, size }) => [bytes.length, size]);
  const size = 16 + 8 + 16 + 4 + 20 + 8 + 90 + 16 + 16;
  assert.deepEqual(sizes, [[10 * size, size]], "one call");
  carry(a, r, "a");
  assert.deepEqual(r.sent.map(({ bytes, to }) => [bytes.length, to]), [[10 * size, sockaddr(2)]]);
  carry(r, b, "r");
  assert.deepEqual(payloadsOf(b), filled(10));
  assert.deepEqual([a.counts(), b.counts()], [{ packetsSent: 10 }, { packetsDelivered: 10, framesOut: 10 }]);
  assert.deepEqual(r.counts(), {});
  assert.deepEqual([...a.punted(), ...r.punted(), ...b.punted()], []);
});

test("a super-frame crosses in one train on both legs", () => {
  const { a, r, b } = chain();
  const segments = 30;
  a.frames.push(superFrame(fromTap(frame(new Uint8Array(12 + segments * 1_000).fill(7))), 4, 1_000));
  a.settle();
  assert.equal(a.sent.length, 1);
  carry(a, r, "a");
  assert.equal(r.sent.length, 1);
  carry(r, b, "r");
  assert.deepEqual(b.counts(), { packetsDelivered: segments, framesOut: 1 });
});

test("the relay's counts are those of what it has passed on; the ends' are those of packets", () => {
  const world = chain();
  const { a, r, b } = world;
  push(a, filled(3));
  through(world);
  const inner = 16 + 4 + 20 + 8 + 90 + 16;
  assert.deepEqual(r.cells.relayed(0), { packets: 3, bytes: 3 * inner });
  assert.deepEqual(r.cells.relayed(1), { packets: 0, bytes: 0 });
  assert.deepEqual([r.cells.packetsIn(0), r.cells.strayed(0)], [3, 0], "signs of life of the sender");
  const { packetsIn, packetsOut } = r.cells.traffic(0);
  assert.deepEqual([packetsIn, packetsOut], [0, 0], "and no packets of it");
  assert.deepEqual(b.cells.traffic(1), {
    sent: 0,
    packetsIn: 3,
    bytesIn: 3 * inner,
    packetsOut: 0,
    bytesOut: 0,
  });
  assert.deepEqual([a.cells.traffic(1).bytesOut, a.cells.traffic(1).sent], [3 * inner, 3]);
  assert.deepEqual([a.cells.traffic(0).packetsOut, a.cells.traffic(0).sent], [0, 3]);
});

test("neither a packet nor its addresses can be read on either leg, and the relay has no key to what is inside", () => {
  const world = chain();
  const { a, r } = world;
  const secret = new TextEncoder().encode("what only the two ends may read, and nobody between them");
  push(a, [secret]);
  const first = a.sent[0]!.bytes.slice();
  carry(a, r, "a");
  const second = r.sent[0]!.bytes;
  const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  for (const seen of [first, second]) {
    assert.ok(!hex(seen).includes(hex(secret.subarray(0, 8))));
    assert.ok(!hex(seen).includes("0a200001") && !hex(seen).includes("0a280001"), "10.32.0.1, 10.40.0.1");
  }
  // Opened with the relay's own key there is the tag and the message of the ends, still sealed.
  const inner = opened(second, 3);
  assert.deepEqual(inner.subarray(0, 8), tags.a);
  assert.equal(inner[8], 6);
  assert.ok(!hex(inner).includes(hex(secret.subarray(0, 8))));
});

/** The plaintext of a datagram that was sealed with a key of 32 bytes of `fill`. */
function opened(datagram: Uint8Array, fill: number): Uint8Array {
  const arena = heapArena(4_096);
  arena.bytes.set(datagram);
  const key = chacha.key(new Uint8Array(32).fill(fill), arena);
  const length = datagram.length - 16;
  assert.ok(key.open(arena.view.getInt32(12), 0, 0, 16, length, 16));
  return arena.bytes.slice(16, length);
}

test("a relay that is told no rates leaves what is for others to the main thread", () => {
  const { a, r } = chain(null);
  push(a, filled(2));
  carry(a, r, "a");
  assert.equal(r.sent.length, 0);
  const punted = r.punted();
  assert.deepEqual(punted.map((each) => each.kind === "opened" && each.isRelayed), [true, true]);
  assert.ok(
    punted.every((each) => each.kind === "opened" && each.flags === 0 && each.bytes[0] === tags.b[0]),
  );
});

test("what is for nobody here, for the sender, or for one that is itself behind a relay is the main thread's", () => {
  const behind: Command = { kind: "relay", slot: slots.far, via: 7, takes: true, tag: tags.b };
  const deaf: Command = { kind: "relay", slot: slots.far, via: -1, takes: false, tag: tags.b };
  const other: Command = {
    kind: "relay",
    slot: slots.far,
    via: -1,
    takes: true,
    tag: new Uint8Array(8).fill(1),
  };
  const own: Command = { kind: "relay", slot: slots.near, via: -1, takes: true, tag: tags.b };
  for (const command of [behind, deaf, other, own]) {
    const { a, r } = chain();
    r.tell(...(command === own ? [other, own] : [command]));
    r.settle();
    push(a, filled(1));
    carry(a, r, "a");
    const [punt, ...rest] = r.punted();
    assert.deepEqual([r.sent, rest], [[], []]);
    assert.ok(punt?.kind === "opened" && punt.isRelayed && punt.isNewest && punt.localIndex === 2 ** 32 - 7);
    assert.deepEqual(punt.bytes.subarray(0, 8), tags.b);
    assert.deepEqual(r.counts(), {});
  }
});

test("no more is passed on for a peer than its rate, and it fills again with time", () => {
  const { a, r, b } = chain({ bytesPerSecond: 1_000_000, packetsPerSecond: 400 });
  const world = { a, r, b };
  for (let round = 0; round < 4; round++) push(a, filled(50));
  through(world);
  assert.deepEqual(r.counts(), { rateLimited: 100 });
  assert.equal(b.telemetry.snapshot().tallies.packetsDelivered, 100);
  r.millis += 100;
  for (let round = 0; round < 2; round++) push(a, filled(50));
  through(world);
  assert.deepEqual(r.counts(), { rateLimited: 160 });
  push(b, filled(5), true);
  through(world, true);
  assert.deepEqual(r.counts(), { rateLimited: 160 }, "of the other one nothing was taken");
  assert.equal(a.telemetry.snapshot().tallies.packetsDelivered, 5);
  const bytes = chain({ bytesPerSecond: 200_000, packetsPerSecond: 1_000_000 });
  for (let round = 0; round < 4; round++) push(bytes.a, filled(50, 1_000));
  through(bytes);
  const { packets, bytes: passed } = bytes.r.cells.relayed(0);
  assert.ok(passed <= 131_072 && passed > 131_072 - 1_100, `${passed} in ${packets}`);
});

test("what came through a relay with which nothing goes there is opened here and finished by the main thread", () => {
  const world = chain();
  const { a, r, b } = world;
  b.tell({ kind: "relay", slot: slots.end, via: -1, takes: true, tag: tags.a });
  b.settle();
  push(a, filled(2));
  through(world);
  const punts = b.punted();
  assert.equal(punts.length, 2);
  for (const punt of punts) {
    assert.ok(punt.kind === "opened" && !punt.isRelayed && punt.localIndex === 2 ** 32 - 11);
    assert.deepEqual(readRelaySender(punt.from), { localIndex: 2 ** 32 - 9, tag: tags.a });
    assert.equal(punt.bytes.length, 4 + 20 + 8 + 90);
  }
  assert.deepEqual([b.cells.strayed(1), b.cells.packetsIn(1)], [2, 2]);
  assert.deepEqual(r.counts(), {});
});

test("late packets from a relay are no sign that the way there leads through it", () => {
  const world = chain();
  const { a, r, b } = world;
  push(a, filled(1));
  const [late] = a.sent.splice(0);
  push(a, filled(1));
  through(world);
  b.tell({ kind: "relay", slot: slots.end, via: -1, takes: true, tag: tags.a });
  b.settle();
  r.arriving.push({ bytes: late!.bytes, size: late!.size, from: sockaddr(1) });
  r.settle();
  carry(r, b, "r");
  const [punt] = b.punted();
  assert.ok(punt?.kind === "opened" && !punt.isNewest);
  assert.equal(b.cells.strayed(1), 1);
});

test("of a relay that has moved the main thread gets a sign, and what it has passed on goes its way", () => {
  const world = chain();
  const { a, r, b } = world;
  push(a, filled(1));
  carry(a, r, "a");
  const [train] = r.sent.splice(0);
  b.arriving.push({ bytes: train!.bytes, size: train!.size, from: sockaddr(77) });
  b.settle();
  const [punt, ...rest] = b.punted();
  assert.ok(punt?.kind === "opened" && punt.isRelayed && punt.bytes.length === 0 && punt.isNewest);
  assert.deepEqual([rest, payloadsOf(b)], [[], filled(1)]);
  assert.deepEqual(punt.from.subarray(0, 16), sockaddr(77));
});

test("what is not data within a relayed message is the main thread's as a whole", () => {
  const world = chain();
  const { a, r, b } = world;
  push(a, filled(1));
  b.tell({ kind: "end-session", slot: 1 });
  b.settle();
  through(world);
  const [punt] = b.punted();
  assert.ok(punt?.kind === "opened" && punt.isRelayed && punt.flags === 1);
  assert.deepEqual(punt.bytes.subarray(0, 8), tags.a);
  assert.equal(punt.bytes[8], 6);
  assert.deepEqual(r.counts(), {});
});

test("copies and altered messages end at the first one who could be deceived by them", () => {
  const world = chain();
  const { a, r, b } = world;
  push(a, filled(1));
  const [sent] = a.sent;
  const arrive = (core: WiredCore, bytes: Uint8Array, place: number) => {
    core.arriving.push({ bytes, size: bytes.length, from: sockaddr(place) });
    core.settle();
  };
  for (let byte = 2; byte < sent!.bytes.length; byte++) {
    if (byte >= 4 && byte < 8) continue; // another session: the main thread's
    const altered = sent!.bytes.slice();
    altered[byte]! ^= 0x10;
    arrive(r, altered, 1);
  }
  assert.equal(r.sent.length, 0);
  const { badTag, malformed } = r.telemetry.snapshot().drops;
  assert.ok(badTag > 100 && badTag + malformed + r.punted().length === sent!.bytes.length - 6);
  arrive(r, sent!.bytes, 1);
  arrive(r, sent!.bytes, 1);
  assert.equal(r.telemetry.snapshot().drops.replayed, 1);
  const [passed] = r.sent.splice(0);
  arrive(b, passed!.bytes, 9);
  arrive(b, passed!.bytes, 9);
  assert.equal(b.telemetry.snapshot().drops.replayed, 1);
  assert.deepEqual(payloadsOf(b), filled(1));
});

test("a peer whose relay has no session here is the main thread's to send to, and no counter is used twice", () => {
  const { a } = chain();
  a.tell({ kind: "end-session", slot: 0 });
  a.settle();
  push(a, filled(3));
  assert.deepEqual(a.punted().map(({ kind }) => kind), ["frame", "frame", "frame"]);
  assert.deepEqual([a.sent, a.cells.traffic(1).sent], [[], 0]);
  const two = chain();
  two.a.tell({ kind: "relay", slot: slots.relay, via: 3, takes: true, tag: tags.r });
  two.a.settle();
  push(two.a, filled(1));
  assert.deepEqual(two.a.punted().map(({ kind }) => kind), ["frame"], "one relay at most in this thread");
  assert.equal(two.a.cells.traffic(1).sent, 0);
});

test("a relayed message that is too short, or has no message in it, is dropped here or told as it is", () => {
  const world = chain();
  const { a, r } = world;
  // The same keys once more, to make messages that no node makes.
  const forged = forger(a);
  for (const length of [0, 7, 8, 11]) forged(new Uint8Array(length).fill(9));
  for (const type of [0x00, 0x14, 0x20, 0xff]) {
    forged(Uint8Array.of(...tags.b, type, 1, 0, 0, ...new Uint8Array(40)));
  }
  carry(a, r, "a");
  assert.deepEqual(r.counts(), { malformed: 8 });
  assert.deepEqual([r.sent, r.punted()], [[], []]);
});

test("a handshake or a note that the next leg is too narrow for is the main thread's to split, and nothing else is", () => {
  const { a, r } = chain();
  const forged = forger(a);
  // In the fixture 1,380 bytes of plaintext cross a leg whole.
  const ofType = (type: number, length: number) =>
    forged(Uint8Array.of(...tags.b, type, 1, 0, 0, ...new Uint8Array(length - 12)));
  for (const type of [1, 2, 19]) for (const length of [1_380, 1_381]) ofType(type, length);
  for (const type of [6, 18]) ofType(type, 1_381);
  carry(a, r, "a");
  assert.deepEqual(r.punted().map((each) => each.kind === "opened" && each.bytes.length), [
    1_381,
    1_381,
    1_381,
  ]);
  assert.deepEqual(r.sent.map(({ bytes }) => bytes.length), [3 * 1_412, 2 * 1_413]);
  assert.deepEqual(r.counts(), {});
});

/** Has `a` send relayed messages with any plaintext. */
function forger(a: WiredCore): (plaintext: Uint8Array) => void {
  const arena = heapArena(4_096);
  const key = chacha.key(new Uint8Array(32).fill(1), arena);
  return (plaintext) => {
    const counter = a.cells.take(0, 1);
    arena.view.setInt32(0, 0x1201_0000);
    arena.view.setInt32(4, -7);
    arena.view.setInt32(8, 0);
    arena.view.setInt32(12, counter);
    arena.bytes.set(plaintext, 16);
    key.seal(counter, 0, 0, 16, plaintext.length, 16);
    const bytes = arena.bytes.slice(0, 32 + plaintext.length);
    a.sent.push({ bytes, size: bytes.length, to: sockaddr(9) });
  };
}

test("a packet that fits a datagram only without a relay is the main thread's", () => {
  const { a } = chain();
  const most = 65_475 - 40 - 4 - 28;
  a.tell({
    kind: "peer",
    slot: slots.end,
    session: 1,
    longest: 65_535,
    isUp: true,
    isPlain: false,
    ...nowhere,
  });
  a.settle();
  push(a, [new Uint8Array(most + 1)]);
  assert.deepEqual([a.punted().length, a.sent.length], [1, 0]);
  push(a, [new Uint8Array(most)]);
  assert.deepEqual([a.punted().length, a.sent[0]?.bytes.length], [0, 65_507]);
});

test("packets go both ways at once", () => {
  const world = chain();
  const { a, r, b } = world;
  push(a, filled(5));
  push(b, filled(7), true);
  carry(a, r, "a");
  carry(b, r, "b");
  const [toB, toA] = r.sent.splice(0);
  assert.deepEqual([toB!.to, toA!.to], [sockaddr(2), sockaddr(1)]);
  r.sent.push(toB!);
  carry(r, b, "r");
  r.sent.push(toA!);
  carry(r, a, "r");
  assert.deepEqual([payloadsOf(b), payloadsOf(a)], [filled(5), filled(7)]);
  assert.deepEqual([r.cells.relayed(0).packets, r.cells.relayed(1).packets], [5, 7]);
});

test("rates that are none, and ways through peers that are none, are refused", () => {
  const { r } = chain();
  const fine = { kind: "relay", slot: 1, via: -1, takes: true, tag: tags.a } as const;
  const absurd: Command[] = [
    { kind: "relaying", bytesPerSecond: 0, packetsPerSecond: 1 },
    { kind: "relaying", bytesPerSecond: NaN, packetsPerSecond: 1 },
    { kind: "relaying", bytesPerSecond: 1, packetsPerSecond: Infinity },
    { ...fine, via: 1 },
    { ...fine, via: -2 },
    { ...fine, via: 65_535 },
    { ...fine, slot: 65_535 },
    { ...fine, slot: 65_536 },
  ];
  r.tell(...absurd);
  r.settle();
  assert.deepEqual(r.counts(), { commandsRefused: absurd.length });
});
