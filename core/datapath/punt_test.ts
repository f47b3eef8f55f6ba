import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { heapArena } from "./arena.ts";
import { type Punt, PuntReader, PuntWriter } from "./punt.ts";
import { RingConsumer, ringMemory, RingProducer } from "./ring.ts";

function rig(capacity = 1024) {
  const memory = ringMemory(capacity);
  const arena = heapArena(4096);
  for (let i = 0; i < 4096; i++) arena.bytes[i] = (i * 13 + (i >> 8)) & 0xff;
  const producer = new RingProducer(memory);
  const writer = new PuntWriter(producer, arena);
  return { arena, producer, writer, reader: new PuntReader(new RingConsumer(memory)) };
}

function bytesOf(punt: Punt | undefined): Uint8Array {
  assert.ok(punt !== undefined && punt.kind !== "tap-lost");
  return punt.bytes;
}

test("each kind arrives with all that it was given", () => {
  const { arena, writer, reader } = rig();
  const [from, local] = [arena.bytes.slice(3, 31), arena.bytes.slice(35, 51)];
  const bytes = arena.bytes.slice(101, 234);
  assert.equal(writer.datagram(3, 101, 133), true);
  writer.message(70, -1, 0x81, true);
  assert.equal(writer.opened(3, 101, 133), true);
  writer.message(1, 5, 0, false);
  assert.equal(writer.opened(3, 101, 0), true);
  assert.equal(writer.frame(101, 133), true);
  assert.deepEqual(reader.next(), { kind: "datagram", from, local, bytes });
  const session = { localIndex: 70, counter: 2 ** 32 - 1, flags: 0x81, isNewest: true, isRelayed: false };
  assert.deepEqual(reader.next(), { kind: "opened", ...session, from, local, bytes });
  const empty = {
    localIndex: 1,
    counter: 5,
    flags: 0,
    isNewest: false,
    isRelayed: false,
    bytes: new Uint8Array(0),
  };
  assert.deepEqual(reader.next(), { kind: "opened", ...empty, from, local });
  assert.deepEqual(reader.next(), { kind: "frame", bytes });
  assert.equal(writer.tapLost(), true);
  assert.deepEqual(reader.next(), { kind: "tap-lost" });
  assert.equal(reader.next(), undefined);
});

test("packets of every length and at every offset arrive as they were", () => {
  const { arena, writer, reader } = rig(4096);
  for (let length = 0; length < 70; length++) {
    const offset = 200 + 3 * length;
    assert.equal(writer.frame(offset, length), true);
    assert.deepEqual(reader.next(), { kind: "frame", bytes: arena.bytes.slice(offset, offset + length) });
  }
});

test("what was read stays when the ring goes on", () => {
  const { arena, writer, reader } = rig(256);
  writer.frame(0, 40);
  const first = bytesOf(reader.next());
  for (let i = 0; i < 10; i++) {
    writer.frame(1000 + i, 40);
    reader.next();
  }
  assert.deepEqual(first, arena.bytes.slice(0, 40));
});

test("a wake reaches who waits, and without news nobody is woken", () => {
  const { producer, writer, reader } = rig();
  const wait = () => Atomics.waitAsync(producer.tail, 0, producer.tail[0]!);
  /** How many are still waiting; they are woken by that. */
  const waiting = () => Atomics.notify(producer.tail, 0);
  wait();
  writer.wake();
  assert.equal(waiting(), 1);
  for (let i = 0; i < 3; i++) writer.frame(i, 5);
  wait();
  writer.wake();
  assert.equal(waiting(), 0);
  wait();
  writer.wake();
  assert.equal(waiting(), 1);
  for (let i = 0; i < 3; i++) assert.equal(bytesOf(reader.next()).length, 5);
});

test("without room, and outside of the arena, nothing is written", () => {
  const { writer, reader } = rig(256);
  assert.equal(writer.frame(0, 105), false);
  for (const [offset, length] of [[4000, 97], [-1, 5], [0, -1], [4097, 0]] as const) {
    assert.equal(writer.frame(offset, length), false, `${offset} ${length}`);
  }
  assert.equal(writer.datagram(4090, 0, 4), false);
  assert.equal(writer.datagram(-1, 0, 4), true, "no sender is known");
  assert.equal(writer.frame(0, 56), true);
  assert.equal(writer.frame(0, 56), false);
  assert.deepEqual(reader.next()?.kind, "datagram");
  assert.equal(bytesOf(reader.next()).length, 56);
  assert.equal(reader.next(), undefined);
});

test("records that no writer makes are counted and passed over", () => {
  const { producer, writer, reader } = rig();
  let made = 0;
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (record) => {
      const at = producer.reserve(record.length);
      producer.bytes.set(record, at);
      producer.commit();
      made++;
      writer.frame(0, 10);
      assert.equal(bytesOf(reader.next()).length, 10);
      assert.equal(reader.next(), undefined);
    }),
    { seed: 3, numRuns: 300 },
  );
  assert.equal(reader.malformed, made);
});
