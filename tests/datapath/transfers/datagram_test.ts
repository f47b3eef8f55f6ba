import assert from "node:assert/strict";
import { test } from "../../harness.ts";
import { Arrivals, encodeDatagram, headLength, readDatagram } from "./datagram.ts";
import { SeededBytes } from "./seeded_bytes.ts";

function bytesOf(seed: number, stream: number, length: number): Buffer {
  using bytes = new SeededBytes(seed, stream);
  return bytes.next(length);
}

test("a datagram tells its number, and that one bit of it is another one or a byte is missing", () => {
  const datagram = encodeDatagram(70_000, bytesOf(1, 0, 100));
  assert.equal(readDatagram(datagram), 70_000);
  for (let bit = 0; bit < datagram.length * 8; bit += 7) {
    const spoilt = Buffer.from(datagram);
    spoilt[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(readDatagram(spoilt), undefined, `bit ${bit}`);
  }
  for (const length of [0, 35, 36, 135]) assert.equal(readDatagram(datagram.subarray(0, length)), undefined);
});

test("arrivals are counted once each, and what is spoilt, repeated or never sent apart from them", () => {
  const arrivals = new Arrivals(3, headLength + 10);
  using bytes = new SeededBytes(2, 0);
  const [first, second] = [encodeDatagram(1, bytes.next(10)), encodeDatagram(0, bytes.next(10))];
  for (const datagram of [first, second, first, encodeDatagram(3, bytes.next(10))]) arrivals.take(datagram);
  for (const datagram of [encodeDatagram(2, bytes.next(11)), first.subarray(1)]) arrivals.take(datagram);
  const { right, wrong, again, newest } = arrivals;
  assert.deepEqual({ right, wrong, again, newest }, { right: 2, wrong: 3, again: 1, newest: 1 });
});

test("bytes of a seed are the same in pieces as in one, and others for another seed or stream", () => {
  const whole = bytesOf(7, 1, 50_000);
  using pieces = new SeededBytes(7, 1);
  assert.deepEqual(Buffer.concat([1, 16, 4_983, 45_000].map((length) => pieces.next(length))), whole);
  for (const other of [bytesOf(8, 1, 50_000), bytesOf(7, 2, 50_000)]) assert.notDeepEqual(other, whole);
});
