import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { ReplayWindow, windowSize } from "./replay_window.ts";
import { SeededRandom } from "./testing_rig.ts";

/** The same rule with a set: slow and obvious. */
class SlowWindow {
  readonly #seen = new Set<number>();
  #newest = -1;

  accept(counter: number): boolean {
    if (counter <= this.#newest - windowSize || this.#seen.has(counter)) return false;
    this.#seen.add(counter);
    this.#newest = Math.max(this.#newest, counter);
    return true;
  }
}

/** Counters that wander: small steps, steps around word and window borders, and leaps. */
const steps = fc.array(
  fc.oneof(
    fc.integer({ min: -40, max: 40 }),
    fc.integer({ min: -windowSize - 40, max: -windowSize + 40 }),
    fc.integer({ min: windowSize - 80, max: windowSize + 80 }),
    fc.integer({ min: -10_000, max: 2 ** 40 }),
  ),
  { maxLength: 400 },
);

test("the replay window accepts exactly what a plain set of counters accepts", () => {
  fc.assert(
    fc.property(steps, (walk) => {
      const [window, slow] = [new ReplayWindow(), new SlowWindow()];
      let at = 0;
      for (const step of walk) {
        at = Math.min(Math.max(0, at + step), Number.MAX_SAFE_INTEGER);
        assert.equal(window.accept(at), slow.accept(at), `counter ${at}`);
      }
    }),
    { seed: 6479, numRuns: 300 },
  );
});

test("200,000 counters at random are judged as by a plain set of counters", () => {
  const [window, slow] = [new ReplayWindow(), new SlowWindow()];
  const random = new SeededRandom(6479);
  const reach = [3, 70, windowSize - 64, windowSize, windowSize + 64, 3 * windowSize];
  let newest = 0;
  let accepted = 0;
  for (let i = 0; i < 200_000; i++) {
    const span = reach[i % reach.length]!;
    const counter = Math.max(0, newest + Math.floor((random.next() * 1.02 - 1) * span));
    const verdict = window.accept(counter);
    assert.equal(verdict, slow.accept(counter), `counter ${counter} as number ${i}`);
    newest = Math.max(newest, counter);
    if (verdict) accepted += 1;
  }
  assert.ok(accepted > 50_000 && accepted < 190_000, `${accepted} of 200,000 accepted`);
});

test("a counter is accepted once and its neighbours stay open", () => {
  const window = new ReplayWindow();
  assert.deepEqual([5, 5, 4, 6, 4, 0, 0].map((counter) => window.accept(counter)), [
    true,
    false,
    true,
    true,
    false,
    true,
    false,
  ]);
  assert.equal(window.newest, 6);
});

test("the window ends 8,128 behind the newest counter", () => {
  const window = new ReplayWindow();
  window.accept(windowSize + 10);
  assert.equal(window.accept(10), false);
  assert.equal(window.accept(11), true);
});

test("a leap forgets nothing that is still inside the window", () => {
  const window = new ReplayWindow();
  for (const counter of [0, 100, 8_100]) assert.equal(window.accept(counter), true);
  assert.deepEqual([100, 8_100, 101].map((counter) => window.accept(counter)), [false, false, true]);
});

test("counters that are no whole numbers below 2^53 are refused and move nothing", () => {
  const window = new ReplayWindow();
  for (const counter of [-1, 0.5, NaN, Infinity, 2 ** 53]) assert.equal(window.accept(counter), false);
  assert.equal(window.newest, -1);
  assert.equal(window.accept(Number.MAX_SAFE_INTEGER), true);
  assert.equal(window.accept(Number.MAX_SAFE_INTEGER), false);
});
