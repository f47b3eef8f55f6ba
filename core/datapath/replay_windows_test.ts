import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { holderOf, ReplayWindows, replayWindowSize, replayWindowsMemory } from "./replay_windows.ts";

/** The same rule with a set: slow and obvious. */
class SlowWindow {
  readonly #seen = new Set<number>();
  #newest = -1;

  get newest(): number {
    return this.#newest;
  }

  accept(counter: number): boolean {
    if (counter <= this.#newest - replayWindowSize || this.#seen.has(counter)) return false;
    this.#seen.add(counter);
    this.#newest = Math.max(this.#newest, counter);
    return true;
  }
}

/** Xorshift: the same numbers in every run, on every runtime. */
function words(seed: number): () => number {
  let x = seed;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
}

function newWindows(slots: number): ReplayWindows {
  return new ReplayWindows(replayWindowsMemory(slots));
}

/** Steps around the borders of words and of the window, and leaps; back over the start and up to the highest counter. */
function nextCounter(random: () => number, at: number): number {
  const reach = [
    3,
    70,
    300,
    replayWindowSize - 64,
    replayWindowSize,
    replayWindowSize + 64,
    30_000,
  ][random() % 7]!;
  const leap = random() % 5000 === 0 ? random() : 0;
  const step = (random() % (2 * reach + 1)) - reach + (random() % 4);
  return Math.min(Math.max(0, at + step + leap), 2 ** 32 - 2);
}

test("200,000 counters in five slots are judged as by a plain set for each", () => {
  const memory = replayWindowsMemory(5);
  let windows = new ReplayWindows(memory);
  const slow = Array.from({ length: 5 }, () => new SlowWindow());
  const random = words(6479);
  const verdicts = { true: 0, false: 0 };
  for (let i = 0; i < 200_000; i++) {
    const slot = random() % 5;
    const twin = slow[slot]!;
    const counter = nextCounter(random, Math.max(0, twin.newest - (random() % 3 === 0 ? 4000 : 0)));
    const verdict = windows.accept(slot, random() % 2 === 0 ? counter : counter | 0, 0);
    if (verdict !== twin.accept(counter)) assert.fail(`counter ${counter} of slot ${slot} as number ${i}`);
    if (windows.newest(slot) !== twin.newest) {
      assert.fail(`newest ${windows.newest(slot)}, not ${twin.newest}`);
    }
    if (windows.isNewest(slot, counter) !== (counter === twin.newest)) {
      assert.fail(`${counter} is newest or not`);
    }
    verdicts[`${verdict}`]++;
    // A new worker goes on with what the last one has seen; a new session begins with nothing.
    if (i % 1000 === 0) windows = new ReplayWindows(memory);
    if (i % 7000 === 0) {
      windows.reset(slot);
      slow[slot] = new SlowWindow();
    }
  }
  assert.ok(verdicts.true > 40_000 && verdicts.false > 20_000, JSON.stringify(verdicts));
});

test("a lock that a thread took and never gave back is free again once it is released for that thread", () => {
  const memory = replayWindowsMemory(3);
  const words = new Int32Array(memory);
  // The first of the words of a slot.
  const lockOf = (slot: number) => slot * (words.length / 3);
  words[lockOf(0)] = holderOf(0);
  words[lockOf(1)] = holderOf(1);
  const first = new ReplayWindows(memory, holderOf(0));
  new ReplayWindows(memory).release(holderOf(1));
  assert.deepEqual([words[lockOf(0)], words[lockOf(1)]], [holderOf(0), 0]);
  assert.equal(first.accept(1, 5, 0), true);
  assert.equal(first.accept(1, 5, 0), false);
  assert.equal(words[lockOf(1)], 0);
});

test("counters of 2^32 - 1 and above are refused and move nothing", () => {
  const windows = newWindows(2);
  for (const [low, high] of [[-1, 0], [2 ** 32 - 1, 0], [0, 1], [5, -1], [0, 2 ** 31]] as const) {
    assert.equal(windows.accept(1, low, high), false);
  }
  assert.equal(windows.newest(1), -1);
  assert.equal(windows.accept(1, -2, 0), true);
  assert.equal(windows.newest(1), 2 ** 32 - 2);
  assert.equal(windows.accept(1, 2 ** 32 - 2, 0), false);
});

test("the window ends 8,128 behind the newest counter", () => {
  const windows = newWindows(1);
  windows.accept(0, replayWindowSize + 10, 0);
  assert.equal(windows.accept(0, 10, 0), false);
  assert.equal(windows.accept(0, 11, 0), true);
});

test("a leap forgets nothing that is still inside the window, and slots do not touch each other", () => {
  const windows = newWindows(3);
  for (const counter of [0, 100, 8_100]) assert.equal(windows.accept(1, counter, 0), true);
  assert.deepEqual([100, 8_100, 101].map((counter) => windows.accept(1, counter, 0)), [false, false, true]);
  assert.deepEqual([0, 2].map((slot) => windows.newest(slot)), [-1, -1]);
  assert.equal(windows.accept(0, 100, 0), true);
  assert.equal(windows.accept(2, 100, 0), true);
});
