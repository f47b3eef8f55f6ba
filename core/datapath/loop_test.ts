/** The turn of the data path when calls fail: nothing is lost without a count, nothing spins, nothing waits in vain. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { parseAddress } from "../wire/address.ts";
import { tapDescriptor, type WiredCore } from "./wired_cores_fixture.ts";
import { cross, frame, fromTap, pair, sockaddr, superFrame } from "./wired_pair_fixture.ts";

const error = {
  noSuchDescriptor: -9,
  again: -11,
  invalid: -22,
  badState: -77,
  messageSize: -90,
  noBuffers: -105,
};
const [readable, invalidDescriptor] = [1, 0x20];

function push(core: WiredCore, count: number, length = 90): void {
  for (let i = 0; i < count; i++) core.frames.push(fromTap(frame(new Uint8Array(length).fill(i))));
}

/** Runs until the loop has waited `waits` times; `wait` is asked for each before the last one. */
function run(core: WiredCore, waits: number, wait: WiredCore["wait"]): void {
  core.wait = (setEvents) => {
    if (core.polls.length >= waits) core.tell({ kind: "stop" });
    return wait(setEvents);
  };
  core.loop.run();
}

test("how much there was is counted on both sides", () => {
  const { a, b } = pair();
  push(a, 2);
  a.settle();
  cross(a.sent[0]!, b);
  const [sent, received] = [a.telemetry.snapshot().tallies, b.telemetry.snapshot().tallies];
  const packet = 20 + 8 + 90;
  assert.deepEqual([sent.framesIn, sent.frameBytesIn], [2, 2 * (14 + packet)]);
  assert.deepEqual([sent.datagramsOut, sent.datagramBytesOut], [2, 2 * (16 + 4 + packet + 16)]);
  assert.deepEqual([received.datagramsIn, received.datagramBytesIn], [2, 2 * (16 + 4 + packet + 16)]);
  assert.deepEqual([received.framesOut, received.frameBytesOut], [2, 2 * (14 + packet)]);
  assert.deepEqual([a.cells.traffic(0).bytesOut, b.cells.traffic(0).bytesIn], [308, 308]);
  assert.deepEqual([sent.packetBytesSent, received.packetBytesDelivered], [2 * packet, 2 * packet]);
  assert.ok(sent.turns > 0);
});

test("a path that is too narrow for a train is no reason to send other peers' datagrams one by one", () => {
  const { a } = pair();
  a.refusals.push(error.invalid, error.messageSize, error.messageSize, error.messageSize);
  push(a, 3);
  a.settle();
  assert.deepEqual(a.counts(), { packetsSent: 3, sendsRefused: 3, tooBig: 3 });
  push(a, 3);
  a.settle();
  assert.equal(a.sent.length, 1);
});

test("a full socket is waited for once in a turn, then what it does not take is lost, and the rest goes on waiting", () => {
  const { a } = pair();
  a.refusals.push(...Array.from({ length: 3 }, () => error.again));
  // Growing, so that each is a train of its own.
  for (let length = 100; length < 116; length++) push(a, 1, length);
  a.loop.turn();
  assert.deepEqual(a.polls, [{ entries: 1, timeout: 1 }]);
  assert.deepEqual(a.counts(), { packetsSent: 2, sendsRefused: 2, queueFull: 2 });
  assert.equal(a.telemetry.snapshot().tallies.framesIn, 2);
  a.settle();
  assert.equal(a.sent.length, 14);
});

test("no buffers is a full queue", () => {
  const { a } = pair();
  a.refusals.push(error.noBuffers);
  push(a, 1);
  a.settle();
  assert.deepEqual(a.counts(), { packetsSent: 1, sendsRefused: 1, queueFull: 1 });
});

test("a socket that was closed under it costs a look now and then, and the main thread is heard all the same", () => {
  const { a } = pair();
  a.receiveFaults.push(...Array.from({ length: 1_000 }, () => error.noSuchDescriptor));
  run(a, 40, (setEvents) => {
    if (a.polls.at(-1)!.entries < 3) return 0;
    setEvents(2, invalidDescriptor);
    return 1;
  });
  const pauses = a.polls.filter(({ entries, timeout }) => entries === 1 && timeout > 0);
  assert.ok(pauses.length >= 15, `${pauses.length} pauses`);
  assert.ok(a.polls.slice(0, 4).every(({ entries, timeout }) => entries === 3 && timeout === -1));
});

test("waits that give something to read are never shortened", () => {
  const { a } = pair();
  run(a, 40, (setEvents) => {
    push(a, 1);
    setEvents(1, readable);
    return 1;
  });
  assert.ok(a.polls.every(({ entries, timeout }) => entries === 3 && timeout === -1));
});

test("the loop ends when the main thread has no way left to wake it", () => {
  const { a } = pair();
  a.wakeResult = error.noSuchDescriptor;
  a.wait = (setEvents) => {
    setEvents(0, invalidDescriptor);
    return 1;
  };
  a.loop.run();
  assert.equal(a.polls.length, 1);
});

test("a frame that the kernel cannot describe is lost alone; a device that is gone is told once, as soon as there is room", () => {
  const { a } = pair();
  a.readFaults.push(error.invalid);
  push(a, 1);
  a.settle();
  assert.deepEqual([a.sent.length, a.counts()], [1, { packetsSent: 1, unsupported: 1 }]);
  fillPunts(a);
  a.readFaults.push(error.badState);
  run(a, 3, () => 0);
  assert.ok(a.polls.every(({ timeout }) => timeout > 0));
  assert.ok(!a.punted().some(({ kind }) => kind === "tap-lost"));
  a.loop.turn();
  a.loop.turn();
  assert.deepEqual(a.punted().map(({ kind }) => kind), ["tap-lost"]);
});

/** Datagrams of smaller and smaller sizes, until there is no room for a single byte. */
function fillPunts(core: WiredCore): void {
  for (const size of [60_000, 1_000, 1]) {
    const before = core.telemetry.snapshot().tallies.puntsLost;
    while (core.telemetry.snapshot().tallies.puntsLost === before) {
      core.arriving.push({ bytes: new Uint8Array(size), size, from: sockaddr(2) });
      core.settle();
    }
  }
}

test("a train whose size of datagrams cannot be is one datagram, and what was cut off is counted", () => {
  for (const size of [0, -1, 41, 2 ** 31 - 1]) {
    const { a } = pair();
    a.arriving.push({ bytes: new Uint8Array(40), size, from: sockaddr(2) });
    a.settle();
    assert.deepEqual(a.punted().map((punt) => punt.kind === "datagram" && punt.bytes.length), [40]);
  }
  const { a } = pair();
  a.arriving.push({ bytes: new Uint8Array(40), size: 40, from: sockaddr(2), isTruncated: true });
  a.settle();
  assert.deepEqual([a.punted(), a.counts()], [[], { malformed: 1 }]);
});

test("super-frames of thousands of packets do not keep what comes in waiting", () => {
  const { a } = pair();
  for (let i = 0; i < 16; i++) a.frames.push(superFrame(fromTap(frame(new Uint8Array(12 + 8_000))), 4, 8));
  a.loop.turn();
  const { framesIn } = a.telemetry.snapshot().tallies;
  assert.ok(framesIn <= 2, `${framesIn} frames`);
  assert.ok(a.telemetry.snapshot().tallies.packetsSent >= 1_000);
});

test("a flow that begins does not stand behind one that fills its queue, whose frames go in time or not at all", () => {
  const { a } = pair();
  const stranger = frame(new Uint8Array(10), { source: parseAddress("10.32.9.9")! });
  for (let i = 0; i < 12; i++) a.frames.push(superFrame(fromTap(frame(new Uint8Array(12 + 12_000))), 4, 80));
  a.frames.push(fromTap(stranger));
  // The one that was there first has its share before.
  for (let turn = 0; turn < 3; turn++) a.loop.turn();
  assert.deepEqual(a.punted(), [{ kind: "frame", bytes: stranger }]);
  assert.ok(a.telemetry.snapshot().tallies.framesIn <= 4);
  // A processor that is away for long, again and again: the queue is never short.
  for (let round = 0; round < 40; round++) {
    for (let i = 0; i < 2; i++) a.frames.push(superFrame(fromTap(frame(new Uint8Array(12 + 8_000))), 4, 80));
    a.millis += 20;
    a.loop.turn();
  }
  a.settle();
  const { tallies, drops } = a.telemetry.snapshot();
  assert.ok(drops.queueFull > 5, `${drops.queueFull}`);
  assert.equal(tallies.framesIn + drops.queueFull, 12 + 1 + 80);
});

test("frames that wait go on when their device is gone, and what waits is handed on before the loop sleeps", () => {
  const { a } = pair();
  for (let i = 0; i < 6; i++) a.frames.push(superFrame(fromTap(frame(new Uint8Array(12 + 12_000))), 4, 80));
  a.loop.turn();
  assert.ok(a.telemetry.snapshot().tallies.framesIn < 6);
  a.readFaults.push(error.badState);
  run(a, 2, () => 0);
  assert.equal(a.telemetry.snapshot().tallies.framesIn, 6);
  assert.deepEqual(a.punted().map(({ kind }) => kind), ["tap-lost"]);
});

test("datagrams of every size that a turn reads one behind another are delivered as they were sent", () => {
  const { a, b } = pair();
  const payloads = Array.from({ length: 300 }, (_, i) => new Uint8Array(1 + (i * 37) % 1_300).fill(i));
  for (const payload of payloads) a.frames.push(fromTap(frame(payload)));
  a.settle();
  const from = sockaddr(1);
  for (const { bytes, size } of a.sent) {
    b.arriving.push({ bytes: new Uint8Array(0), size: 0, from }, { bytes, size, from });
    b.arriving.push({ bytes: new Uint8Array(100), size: 100, from, isTruncated: true });
  }
  b.settle();
  const udp = 10 + 14 + 20 + 8;
  const { packetsDelivered } = b.telemetry.snapshot().tallies;
  assert.equal(packetsDelivered, payloads.length);
  assert.deepEqual(b.written.map((each) => each.subarray(udp)), payloads);
});

test("that a device is gone is not told of the one that came after it", () => {
  const { a } = pair();
  fillPunts(a);
  a.readFaults.push(error.badState);
  a.loop.turn();
  a.punted();
  a.tell({ kind: "attach-tap", descriptor: tapDescriptor });
  push(a, 1);
  a.settle();
  assert.deepEqual([a.punted(), a.sent.length], [[], 1]);
});
