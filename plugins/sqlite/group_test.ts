import assert from "node:assert/strict";
import fc from "fast-check";
import { MeshError } from "../../core/contracts/errors.ts";
import { type StoreChange, storeLimits } from "../../core/contracts/store.ts";
import { test } from "../../tests/harness.ts";
import { type Batch, CommitQueue, writeGroup } from "./group.ts";

function batch(size: number, settle: (error?: unknown) => void = () => {}): Batch {
  return { changes: [{ key: "k", value: new Uint8Array(Math.max(0, size - 1)) }], size, settle };
}

test("a portion holds so many batches and so many bytes, and a larger batch goes alone", () => {
  const queue = new CommitQueue({ batches: 3, bytes: 100 });
  for (const size of [10, 10, 10, 10, 60, 31, 500, 5]) queue.push(batch(size));
  const portions: number[][] = [];
  while (queue.length > 0) portions.push(queue.take().map(({ size }) => size));
  assert.deepEqual(portions, [[10, 10, 10], [10, 60], [31], [500], [5]]);
  assert.deepEqual(queue.take(), []);
});

test("the queue refuses by number and by bytes, takes one batch in any case, and has room again when it is taken from", () => {
  const byBytes = new CommitQueue();
  byBytes.push(batch(storeLimits.queueBytes + 1));
  const full = { code: "STATE_UNWRITABLE", details: { reason: "queue-full", batches: 1, bytes: 67_108_865 } };
  assert.throws(() => byBytes.push(batch(1)), full);
  byBytes.take();
  byBytes.push(batch(storeLimits.queueBytes));
  assert.throws(() => byBytes.push(batch(1)), { code: "STATE_UNWRITABLE" });

  const byNumber = new CommitQueue();
  for (let i = 0; i < storeLimits.queueBatches; i++) byNumber.push(batch(0));
  assert.throws(() => byNumber.push(batch(0)), { code: "STATE_UNWRITABLE" });
  byNumber.take();
  byNumber.push(batch(0));
});

/** A disk that takes so many bytes, and refuses the write that would be one more. */
class SmallDisk {
  readonly written: string[] = [];
  writes = 0;
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  write(changes: readonly StoreChange[]): void {
    this.writes++;
    const bytes = changes.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
    if (bytes > this.#left) throw new MeshError("DISK_FULL", "Cannot write: full");
    this.#left -= bytes;
    this.written.push(...changes.map(({ key }) => key));
  }
}

/** Writes all as one group; what was settled, in order. */
function settle(disk: SmallDisk, sizes: readonly number[]): [index: number, code: string | undefined][] {
  const settled: [number, string | undefined][] = [];
  const batches = sizes.map((size, i): Batch => ({
    changes: [{ key: String(i), value: new Uint8Array(size) }],
    size,
    settle: (error) => settled.push([i, (error as MeshError | undefined)?.code]),
  }));
  writeGroup(batches, (changes) => disk.write(changes));
  return settled;
}

test("a group ends as its batches would one after the other, in order, whatever fits", () => {
  const sizes = fc.array(fc.oneof(fc.integer({ min: 0, max: 20 }), fc.constant(1000)), { maxLength: 40 });
  const law = (bytes: number, all: readonly number[]) => {
    const together = new SmallDisk(bytes);
    const alone = new SmallDisk(bytes);
    const expected = all.map((size, i) => [i, settle(alone, [size])[0]![1]] as const);
    assert.deepEqual(settle(together, all), expected);
    const fitting = expected.flatMap(([i, code]) => code === undefined ? [String(i)] : []);
    assert.deepEqual(together.written, fitting);
  };
  fc.assert(fc.property(fc.integer({ min: 0, max: 400 }), sizes, law), { seed: 20_261_123, numRuns: 500 });
});

test("one batch of 256 that does not fit costs a few writes, not one for each", () => {
  const disk = new SmallDisk(1000);
  const sizes = new Array<number>(256).fill(1);
  sizes[99] = 5000;
  settle(disk, sizes);
  assert.equal(disk.written.length, 255);
  assert.ok(disk.writes <= 17, `${disk.writes} writes`);
});

test("what is no full disk fails the group at once: it would fail each of them", () => {
  let writes = 0;
  const errors: unknown[] = [];
  const failure = new MeshError("STATE_UNWRITABLE", "Cannot write: broken");
  const batches = [1, 2, 3].map((size) => batch(size, (error) => errors.push(error)));
  writeGroup(batches, () => {
    writes++;
    throw failure;
  });
  assert.deepEqual([writes, errors], [1, [failure, failure, failure]]);
  writeGroup([], () => assert.fail("nothing was to be written"));
});
