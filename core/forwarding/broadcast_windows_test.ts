import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import type { Millis, PeerId } from "../contracts/values.ts";
import {
  type Arrival,
  BroadcastWindows,
  farBehind,
  mostOrigins,
  quietMillis,
  windowNumbers,
} from "./broadcast_windows.ts";

const [ann, bob] = ["ann", "bob"] as [PeerId, PeerId];
const relayed: Arrival = { now: 0, isDirect: false };
const direct: Arrival = { now: 0, isDirect: true };
/** In the numbers of a node that started in 2027, which 32 bits do not hold. */
const begin = 1_800_000_000_000 * 64;

/** The same rules with a set of all numbers: slow and obvious. */
class SlowWindow {
  #seen = new Set<number>();
  #newest = Number.NEGATIVE_INFINITY;
  #newAt: Millis = 0;

  accept(number: number, { now, isDirect }: Arrival): boolean {
    const isLeft = number <= this.#newest - windowNumbers;
    const isQuiet = now >= this.#newAt + quietMillis;
    if (isLeft && !isQuiet && !(isDirect && number <= this.#newest - farBehind)) return false;
    if (isLeft) [this.#seen, this.#newest] = [new Set(), number];
    if (this.#seen.has(number)) return false;
    this.#seen.add(number);
    this.#newest = Math.max(this.#newest, number);
    this.#newAt = now;
    return true;
  }
}

test("a window accepts what a set of all numbers accepts, over words, its own edge, leaps and quiet times", () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: -40, max: 40 }) },
    fc.integer({ min: -windowNumbers - 33, max: -windowNumbers + 33 }),
    fc.integer({ min: windowNumbers - 33, max: windowNumbers + 33 }),
    fc.integer({ min: -farBehind - 2, max: -farBehind + 2 }),
    fc.integer({ min: -200_000, max: 2 ** 40 }),
  );
  const wait = fc.constantFrom(0, 0, 0, 0, 1, 7_000, quietMillis - 1, quietMillis);
  const walk = fc.array(fc.tuple(step, wait, fc.boolean()), { maxLength: 300 });
  fc.assert(
    fc.property(walk, (steps) => {
      const [windows, slow] = [new BroadcastWindows(), new SlowWindow()];
      let [at, now] = [begin, 0];
      for (const [by, after, isDirect] of steps) {
        at = Math.min(Math.max(0, at + by), 2 ** 48 - 1);
        now += after;
        const arrival = { now, isDirect };
        const isKnown = windows.has(ann, at, now);
        const isNew = windows.accept(ann, at, arrival);
        assert.equal(isNew, slow.accept(at, arrival), `${at} at ${now}`);
        if (!isDirect) assert.equal(isKnown, !isNew);
      }
    }),
    { seed: 7, numRuns: 1_000 },
  );
});

test("each number of each origin is accepted once, also out of order", () => {
  const windows = new BroadcastWindows();
  const numbers = [begin + 5, begin + 3, begin + 4, begin + 1_000, begin + 999];
  for (const origin of [ann, bob]) {
    assert.deepEqual(numbers.map((each) => windows.accept(origin, each, relayed)), numbers.map(() => true));
    assert.deepEqual(numbers.map((each) => windows.accept(origin, each, relayed)), numbers.map(() => false));
  }
});

test("an invented number silences its origin until it has been quiet for half a minute", () => {
  const windows = new BroadcastWindows();
  assert.ok(windows.accept(ann, begin, relayed));
  assert.ok(windows.accept(ann, 2 ** 48 - 1, { now: 1_000, isDirect: false }));
  assert.ok(!windows.accept(ann, begin + 1, { now: 30_999, isDirect: false }));
  assert.ok(windows.accept(ann, begin + 2, { now: 31_000, isDirect: false }));
  assert.ok(windows.accept(ann, begin + 3, { now: 31_000, isDirect: false }));
});

test("an invented number does not keep an origin from being heard where it speaks itself", () => {
  const windows = new BroadcastWindows();
  windows.accept(ann, 2 ** 48 - 1, relayed);
  assert.ok(windows.accept(ann, begin, direct));
  assert.ok(!windows.accept(ann, begin, direct), "and each once");
  assert.ok(windows.accept(ann, begin + 1, relayed));
});

test("what its origin brings late, but not by more than a session allows, is late", () => {
  const windows = new BroadcastWindows();
  windows.accept(ann, begin + farBehind - 1, direct);
  assert.ok(!windows.accept(ann, begin, direct));
  windows.accept(ann, begin + farBehind, direct);
  assert.ok(windows.accept(ann, begin, direct));
});

test("of too many origins the one that has been silent for longest is forgotten", () => {
  const windows = new BroadcastWindows();
  const name = (n: number) => `node ${n}` as PeerId;
  for (let n = 0; n < mostOrigins; n++) windows.accept(name(n), 1, relayed);
  windows.accept(name(0), 2, relayed);
  windows.accept(ann, 1, relayed);
  assert.equal(windows.size, mostOrigins);
  assert.ok(!windows.accept(name(0), 1, relayed));
  assert.ok(!windows.accept(ann, 1, relayed));
  assert.ok(windows.accept(name(1), 1, relayed));
});
