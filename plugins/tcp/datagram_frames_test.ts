import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { concatBytes } from "../../core/wire/bytes.ts";
import { limits, protocol } from "./constants.ts";
import { datagramPreface, DatagramReader, encodeFrame, fitsFrame } from "./datagram_frames.ts";
import { DatagramQueue } from "./datagram_queue.ts";
import { faults } from "./fault.ts";

/** What a reader makes of chunks. */
function read(chunks: Iterable<Uint8Array>) {
  const reader = new DatagramReader();
  const taken: Uint8Array[] = [];
  for (const chunk of chunks) {
    const fault = reader.receive(chunk, (datagram) => taken.push(datagram.slice()) > 0);
    if (fault !== undefined) return { fault, taken };
  }
  return { taken, buffered: reader.buffered };
}

const datagrams = [Uint8Array.of(7), new Uint8Array(300).fill(1), new Uint8Array(2).fill(2)];
const frames = concatBytes(...datagrams.map(encodeFrame));

test("the preface is SLVG, version 1 and type 3, and a frame its length and the datagram", () => {
  assert.deepEqual([...datagramPreface], [0x53, 0x4c, 0x56, 0x47, 1, 3]);
  assert.deepEqual([...encodeFrame(Uint8Array.of(8, 9))], [0, 2, 8, 9]);
});

test("datagrams arrive whole and in order, wherever the stream is cut", () => {
  for (let at = 0; at <= frames.length; at++) {
    const { taken, buffered } = read([frames.subarray(0, at), frames.subarray(at)]);
    assert.deepEqual([taken, buffered], [datagrams, 0]);
  }
  assert.deepEqual(read([...frames].map((byte) => Uint8Array.of(byte))).taken, datagrams);
});

test("what is not whole waits, and no more than that", () => {
  assert.deepEqual(read([frames.subarray(0, 5)]), { taken: [datagrams[0]], buffered: 2 });
});

test("the longest datagram passes; no length and an absurd one end the stream after what came before", () => {
  const longest = new Uint8Array(protocol.datagramLength).fill(3);
  assert.deepEqual(read([encodeFrame(longest)]).taken, [longest]);
  assert.deepEqual([0, 1, longest.length, longest.length + 1].map((n) => fitsFrame(new Uint8Array(n))), [
    false,
    true,
    true,
    false,
  ]);
  for (const absurd of [[0, 0], [0xff, 0xe4], [0xff, 0xff]]) {
    const { fault, taken } = read([concatBytes(encodeFrame(datagrams[0]!), Uint8Array.from(absurd))]);
    assert.deepEqual([fault, taken], [faults.badDatagram, [datagrams[0]]]);
  }
});

test("a taker that has had enough gets no more", () => {
  let count = 0;
  const fault = new DatagramReader().receive(frames, () => ++count < 2);
  assert.deepEqual([fault, count], [undefined, 2]);
});

test("a queue that is full lets the oldest go, and counts short frames as what they cost", () => {
  const queue = new DatagramQueue();
  const numbered = (n: number, length: number) => new Uint8Array(length).fill(n);
  for (let i = 0; i < 4; i++) assert.equal(queue.push(numbered(i, 65_536)), 0);
  assert.equal(queue.push(numbered(4, 65_537)), 2);
  assert.deepEqual([queue.shift()![0], queue.shift()![0], queue.shift()![0]], [2, 3, 4]);
  assert.deepEqual([queue.shift(), queue.weight], [undefined, 0]);
  const most = limits.datagramQueue / limits.datagramLeast;
  let dropped = 0;
  for (let i = 0; i < most + 5; i++) dropped += queue.push(numbered(0, 3));
  assert.equal(dropped, 5);
});
