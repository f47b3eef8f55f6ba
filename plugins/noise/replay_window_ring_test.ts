/** The borders of the replay window, and what is left in its ring after a revolution. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { ReplayWindow, windowSize } from "./replay_window.ts";

function windowWith(...counters: readonly number[]): ReplayWindow {
  const window = new ReplayWindow();
  for (const counter of counters) assert.equal(window.accept(counter), true, `${counter} is new`);
  return window;
}

test("the window is 8,128 counters: the newest one and 8,127 before it", () => {
  assert.equal(windowSize, 8_128);
  assert.equal(windowWith(20_000).accept(20_000 - 8_127), true);
  assert.equal(windowWith(20_000).accept(20_000 - 8_128), false);
  assert.equal(windowWith(8_128).accept(0), false);
  assert.equal(windowWith(8_127).accept(0), true);
});

test("counters in order are all new, however often the ring comes round", () => {
  const window = new ReplayWindow();
  for (let counter = 0; counter < 20_000; counter++) assert.equal(window.accept(counter), true, `${counter}`);
  for (let counter = 20_000 - 8_128; counter < 20_000; counter++) assert.equal(window.accept(counter), false);
});

test("a word is cleared when it is entered from the middle of the one before", () => {
  // 69 and 8,261 share a bit of the ring; 8,227 lies in the word before that of 8,261.
  assert.equal(windowWith(69, 8_227).accept(8_261), true);
  assert.equal(windowWith(100, 8_227, 8_261).accept(8_292), true);
});

test("after a leap over more than the whole ring nothing old is left in it", () => {
  const window = new ReplayWindow();
  for (let counter = 0; counter < 8_192; counter++) window.accept(counter);
  assert.equal(window.accept(1_000_000), true);
  for (let back = 1; back < 8_128; back++) {
    assert.equal(window.accept(1_000_000 - back), true, `${back} back`);
  }
});

test("what is no counter is refused and moves nothing", () => {
  const window = windowWith(5);
  for (const counter of [-1, 0.5, NaN, Infinity, 2 ** 53]) {
    assert.equal(window.accept(counter), false, `${counter}`);
  }
  assert.equal(window.newest, 5);
  assert.equal(window.accept(2 ** 53 - 1), true);
});
