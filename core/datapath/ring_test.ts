import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { askWorker } from "../runtime/worker.ts";
import { RingConsumer, ringMemory, RingProducer } from "./ring.ts";

function ringOf(capacity: number) {
  const memory = ringMemory(capacity);
  return { memory, producer: new RingProducer(memory), consumer: new RingConsumer(memory) };
}

function write(producer: RingProducer, content: Uint8Array): boolean {
  const at = producer.reserve(content.length);
  if (at < 0) return false;
  producer.bytes.set(content, at);
  producer.commit();
  return true;
}

function read(consumer: RingConsumer): Uint8Array | undefined {
  const at = consumer.peek();
  if (at < 0) return undefined;
  const content = consumer.bytes.slice(at, at + consumer.length);
  consumer.release();
  return content;
}

function content(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + seed * 31) & 0xff);
}

/** What a ring is: records in order, and an upper bound on how many bytes they take. */
class ModelRing {
  readonly records: Uint8Array[] = [];
  get used(): number {
    return this.records.reduce((sum, { length }) => sum + 8 + ((length + 7) & ~7), 0);
  }
}

test("a ring gives back what was put into it, in order, however writes and reads mix", () => {
  const step = fc.oneof(
    fc.record({ put: fc.integer({ min: 0, max: 140 }) }),
    fc.constant("take" as const),
    fc.constant("new sides" as const),
  );
  let refused = 0;
  let carried = 0;
  const run = (steps: readonly ({ put: number } | "take" | "new sides")[]) => {
    const model = new ModelRing();
    let { memory, producer, consumer } = ringOf(256);
    for (const [number, each] of steps.entries()) {
      if (each === "new sides") {
        [producer, consumer] = [new RingProducer(memory), new RingConsumer(memory)];
      } else if (each === "take") {
        assert.deepEqual(read(consumer), model.records.shift());
      } else {
        const record = content(each.put, number);
        const isTaken = write(producer, record);
        if (isTaken) model.records.push(record);
        if (isTaken) carried += each.put;
        else refused++;
        // Half of the capacity is the most that going on at the start can cost.
        if (each.put > producer.longest) assert.equal(isTaken, false);
        else if (model.used + 8 + each.put + 7 <= 128) assert.equal(isTaken, true, "there was room");
      }
    }
    while (model.records.length > 0) assert.deepEqual(read(consumer), model.records.shift());
    assert.equal(consumer.peek(), -1);
    assert.equal(consumer.isBroken, false);
  };
  const manySteps = fc.array(step, { minLength: 50, maxLength: 200, size: "max" });
  fc.assert(fc.property(manySteps, run), { seed: 1, numRuns: 200 });
  assert.ok(refused > 1000 && carried > 100_000, `${refused} refused, ${carried} bytes carried`);
});

test("a consumer that keeps up leaves half of the memory as it was, and all of it is there when it does not", () => {
  const { memory, producer, consumer } = ringOf(1024);
  for (let number = 0; number < 100; number++) {
    assert.equal(write(producer, content(40, number)), true);
    assert.deepEqual(read(consumer), content(40, number));
  }
  const second = new Uint8Array(memory).subarray(-(512 - 48));
  // But for the word that says where to go on.
  assert.ok(second.subarray(4).every((byte) => byte === 0));
  let taken = 0;
  while (write(producer, content(40, taken))) taken++;
  // Wherever the burst began: half of the capacity at least.
  assert.ok(taken >= Math.floor(512 / 48), `${taken}`);
  for (let number = 0; number < taken; number++) assert.deepEqual(read(consumer), content(40, number));
  assert.ok(second.subarray(4).some((byte) => byte !== 0));
});

test("contents are aligned to 8 bytes, and peek is the same until release", () => {
  const { producer, consumer } = ringOf(256);
  for (const length of [1, 7, 8, 9]) assert.equal(write(producer, content(length, length)), true);
  for (const length of [1, 7, 8, 9]) {
    const at = consumer.peek();
    assert.equal(at & 7, 0);
    assert.equal(consumer.peek(), at);
    assert.equal(consumer.length, length);
    consumer.release();
    consumer.release();
  }
  assert.equal(consumer.peek(), -1);
});

test("a full ring refuses and keeps what it has", () => {
  const { producer, consumer } = ringOf(64);
  assert.equal(producer.longest, 24);
  assert.equal(producer.reserve(25), -1);
  assert.equal(producer.reserve(-1), -1);
  assert.equal(write(producer, content(24, 1)), true);
  assert.equal(write(producer, content(24, 2)), true);
  assert.equal(write(producer, content(0, 3)), false);
  assert.deepEqual(read(consumer), content(24, 1));
  assert.equal(write(producer, content(24, 4)), true);
  assert.deepEqual(read(consumer), content(24, 2));
  assert.deepEqual(read(consumer), content(24, 4));
});

test("a record that is reserved and not committed is never seen, and the next one takes its place", () => {
  const { producer, consumer } = ringOf(128);
  producer.reserve(40);
  assert.equal(consumer.peek(), -1);
  assert.equal(write(producer, content(5, 1)), true);
  assert.deepEqual(read(consumer), content(5, 1));
  assert.equal(consumer.peek(), -1);
});

test("releaseWiped leaves nothing of a record", () => {
  const { producer, consumer } = ringOf(128);
  write(producer, new Uint8Array(24).fill(0xaa));
  consumer.peek();
  consumer.releaseWiped();
  assert.equal(consumer.bytes.includes(0xaa), false);
  assert.equal(consumer.peek(), -1);
});

test("whatever stands where control words and lengths should, a consumer ends without a crash or a loop", () => {
  const word = fc.oneof(
    fc.integer(),
    fc.integer({ min: -1, max: 600 }),
    fc.integer({ min: -1, max: 75 }).map((eighth) => 8 * eighth),
    fc.constant(-1),
  );
  const writes = fc.array(fc.tuple(fc.nat(79), word), { minLength: 1, maxLength: 8 });
  let broken = 0;
  fc.assert(
    fc.property(writes, (words) => {
      const { memory, producer, consumer: first } = ringOf(128);
      for (let i = 0; i < 3; i++) write(producer, content(9 + i, i));
      const raw = new Int32Array(memory);
      for (const [at, value] of words) raw[at] = value;
      for (const consumer of [first, new RingConsumer(memory)]) {
        let records = 0;
        for (let at = consumer.peek(); at >= 0 && records < 1000; at = consumer.peek()) {
          assert.ok(at >= 192 && at + consumer.length <= memory.byteLength);
          consumer.release();
          records++;
        }
        assert.ok(records <= 16, `${records} records in 128 bytes`);
      }
      if (first.isBroken) {
        broken++;
        assert.equal(first.peek(), -1);
        assert.equal(producer.isBroken, true);
      }
      producer.reserve(16);
    }),
    { seed: 2, numRuns: 3000 },
  );
  assert.ok(broken > 300, `${broken} broken rings`);
});

test("a capacity that is no power of two, or too small or large, is refused", () => {
  for (const capacity of [0, 32, 96, 2 ** 29, NaN, -64]) {
    assert.throws(() => ringMemory(capacity), { code: "INVALID_ARGUMENT" });
  }
  assert.throws(() => new RingProducer(new SharedArrayBuffer(192 + 100)), { code: "INVALID_ARGUMENT" });
});

/** The other thread: 20,000 records with their number and a content that follows from it. */
const writer = `
  import { parentPort } from "node:worker_threads";
  import { RingProducer } from ${JSON.stringify(new URL("./ring.ts", import.meta.url).href)};
  parentPort.on("message", ({ memory, count }) => {
    const ring = new RingProducer(memory);
    let waits = 0;
    for (let number = 0; number < count; number++) {
      const length = 4 + number % 93;
      let at = ring.reserve(length);
      for (; at < 0; at = ring.reserve(length)) waits++;
      ring.view.setInt32(at, number, true);
      for (let i = 4; i < length; i++) ring.bytes[at + i] = number + i;
      ring.commit();
      ring.wake();
    }
    parentPort.postMessage(waits);
  });
`;

test("between two threads nothing is lost, doubled, swapped or torn", async () => {
  const { memory, consumer } = ringOf(2048);
  const count = 20_000;
  const url = new URL(`data:text/javascript,${encodeURIComponent(writer)}`);
  const answer = askWorker({ url, question: { memory, count }, timeoutMillis: 30_000 });
  for (let number = 0; number < count; number++) {
    let at = consumer.peek();
    for (; at < 0; at = consumer.peek()) await Atomics.waitAsync(consumer.tail, 0, consumer.seen).value;
    assert.equal(consumer.length, 4 + number % 93);
    assert.equal(consumer.view.getInt32(at, true), number);
    for (let i = 4; i < consumer.length; i++) {
      if (consumer.bytes[at + i] !== ((number + i) & 0xff)) assert.fail(`byte ${i} of record ${number}`);
    }
    consumer.release();
  }
  const waits = await answer;
  assert.ok(typeof waits === "number", `the writer found the ring full ${waits} times`);
  assert.equal(consumer.peek(), -1);
});

test("how full a ring is follows from what was written and not released", () => {
  const memory = ringMemory(64);
  const [producer, consumer] = [new RingProducer(memory), new RingConsumer(memory)];
  assert.equal(consumer.filling, 0);
  for (let i = 0; i < 2; i++) {
    producer.reserve(8);
    producer.commit();
  }
  assert.equal(consumer.filling, 0.5, "8 bytes have a header of 8");
  consumer.peek();
  consumer.release();
  assert.equal(consumer.filling, 0.25);
});

test("a ring that begins anew from the middle is no fuller for what it has passed over", () => {
  const memory = ringMemory(64);
  const [producer, consumer] = [new RingProducer(memory), new RingConsumer(memory)];
  for (let i = 0; i < 2; i++) {
    producer.reserve(8);
    producer.commit();
    consumer.peek();
    consumer.release();
  }
  producer.reserve(8);
  producer.commit();
  assert.equal(consumer.filling, 0.25);
  consumer.peek();
  assert.equal(consumer.filling, 0.25, "looked at and not released");
  consumer.release();
  assert.equal(consumer.filling, 0);
});
