import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { ArenaPlan } from "./arena_plan.ts";
import { codelInterval, codelTarget } from "./codel.ts";
import { FairQueue, type FairQueueSizes } from "./fair_queue.ts";

const sizes: FairQueueSizes = { longest: 4_000, large: 8, short: 200, small: 16, headroom: 64 };

class Bed {
  readonly bytes = new Uint8Array(2 ** 17);
  readonly queue = new FairQueue(new ArenaPlan(2 ** 17), sizes);
  #number = 0;

  /** A frame that says its flow and its number. */
  add(flow: number, length: number, now = 0): number {
    const number = this.#number++;
    const at = this.queue.room();
    this.bytes.fill(number & 0xff, at, at + length);
    this.bytes.set([flow, number & 0xff, number >> 8], at);
    this.queue.add(this.bytes, length, flow, now);
    return number;
  }

  /** What is served next, whole: its flow and number. */
  serve(now = 0): { flow: number; number: number; length: number } | undefined {
    const place = this.queue.next(now);
    if (place < 0) return undefined;
    const at = this.queue.offset(place);
    const length = this.queue.length(place);
    const frame = this.bytes.slice(at, at + length);
    const number = frame[1]! | (frame[2]! << 8);
    assert.ok(frame.subarray(3).every((byte) => byte === (number & 0xff)));
    this.queue.release(place);
    return { flow: frame[0]!, number, length };
  }
}

test("frames of one flow come out in order, small and large ones", () => {
  const bed = new Bed();
  for (const length of [100, 3_000, 60, 4_000, 200, 201]) bed.add(7, length);
  const served = Array.from({ length: 6 }, () => bed.serve());
  assert.deepEqual(served.map((each) => each?.number), [0, 1, 2, 3, 4, 5]);
  assert.deepEqual(served.map((each) => each?.length), [100, 3_000, 60, 4_000, 200, 201]);
  assert.equal(bed.serve(), undefined);
});

test("a flow that begins is served before those that have used their share", () => {
  const queue = new FairQueue(new ArenaPlan(2 ** 22), { ...sizes, longest: 66_000, large: 12 });
  const bytes = new Uint8Array(2 ** 22);
  const add = (flow: number, length: number) => {
    queue.room();
    queue.add(bytes, length, flow, 0);
  };
  for (let i = 0; i < 5; i++) add(1, 65_000);
  const lengths: number[] = [];
  for (let i = 0; i < 6; i++) {
    if (i === 3) add(2, 90);
    const place = queue.next(0);
    lengths.push(queue.length(place));
    queue.release(place);
  }
  assert.deepEqual(lengths, [65_000, 65_000, 65_000, 90, 65_000, 65_000]);
});

test("two flows that fill their queues share by bytes", () => {
  const bed = new Bed();
  const bytes = [0, 0];
  for (let round = 0; round < 3_000; round++) {
    while (bed.queue.waiting < 7) bed.add(round % 2, round % 2 === 0 ? 3_900 : 1_300);
    bed.add((round + 1) % 2, 1_300);
    const served = bed.serve()!;
    bytes[served.flow]! += served.length;
  }
  assert.ok(bytes[0]! / bytes[1]! > 0.8 && bytes[0]! / bytes[1]! < 1.25, `${bytes}`);
});

test("where all places are taken the fattest flow loses its oldest frame", () => {
  const bed = new Bed();
  bed.add(1, 3_000);
  for (let i = 0; i < 6; i++) bed.add(2, 1_000);
  bed.add(3, 3_500);
  assert.equal(bed.queue.takeDropped(), 1);
  assert.equal(bed.queue.takeDropped(), 0);
  const served: number[] = [];
  for (let each = bed.serve(); each !== undefined; each = bed.serve()) served.push(each.number);
  assert.deepEqual(served, [0, 2, 3, 4, 5, 6, 7]);
});

test("to look for a frame where none comes costs none of those that wait", () => {
  const bed = new Bed();
  for (let i = 0; i < 12; i++) bed.add(i % 3, 1_000);
  bed.queue.takeDropped();
  const before = bed.queue.waiting;
  for (let i = 0; i < 5; i++) bed.queue.room();
  assert.deepEqual([bed.queue.takeDropped(), bed.queue.waiting], [0, before]);
});

test("a flood of small frames costs no flow a large one, and small ones are not lost to make room for large ones", () => {
  const bed = new Bed();
  const large = bed.add(1, 4_000);
  for (let i = 0; i < 100; i++) bed.add(2, 20);
  for (let flow = 3; flow < 20; flow++) bed.add(flow, 300);
  const served: number[] = [];
  for (let each = bed.serve(); each !== undefined; each = bed.serve()) served.push(each.flow);
  assert.equal(served.filter((flow) => flow === 2).length, sizes.small);
  assert.equal(
    served.filter((flow) => flow > 2).length + served.filter((flow) => flow === 1).length,
    sizes.large - 1,
  );
  assert.equal(bed.queue.takeDropped(), 1 + 100 + 17 - served.length);
  assert.equal(large, 0);
});

test("a flow whose frames wait too long loses some, and the others none", () => {
  const bed = new Bed();
  const counts = { lost: 0, added: 0, served: 0 };
  for (let now = 0; now < 20 * codelInterval; now += codelTarget) {
    while (bed.queue.waiting < 6) bed.add(1, 3_000, now);
    bed.add(2, 100, now);
    counts.added++;
    for (let i = 0; i < 2; i++) if (bed.serve(now)?.flow === 2) counts.served++;
    counts.lost += bed.queue.takeDropped();
  }
  assert.ok(counts.lost > 20, `${counts.lost}`);
  assert.ok(counts.added - counts.served <= 1);
});

test("whatever comes in goes out once, whole and in the order of its flow, or is counted", () => {
  const step = fc.oneof(
    fc.record({ flow: fc.integer({ min: 0, max: 5 }), length: fc.integer({ min: 14, max: 4_000 }) }),
    fc.constant(undefined),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), fc.integer({ min: 1, max: 9_000 }), (steps, pace) => {
      const bed = new Bed();
      const last = new Map<number, number>();
      const counts = { in: 0, out: 0 };
      const serve = (now: number) => {
        const served = bed.serve(now);
        if (served === undefined) return false;
        assert.ok(served.number > (last.get(served.flow) ?? -1));
        last.set(served.flow, served.number);
        counts.out++;
        return true;
      };
      for (const [index, each] of steps.entries()) {
        if (each === undefined) serve(index * pace);
        else counts.in += bed.add(each.flow, each.length, index * pace) >= 0 ? 1 : 0;
      }
      while (serve(steps.length * pace));
      assert.equal(counts.out + bed.queue.takeDropped(), counts.in);
      assert.equal(bed.queue.waiting, 0);
    }),
    { numRuns: 300 },
  );
});
