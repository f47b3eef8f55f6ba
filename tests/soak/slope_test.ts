import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { raisedBy, slopeOf, surelyPerHour } from "./slope.ts";

/** Uniform in [0, 1), the same for the same seed. */
function chances(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A sample every ten seconds for fifty minutes. */
function series(value: (index: number) => number) {
  return Array.from({ length: 300 }, (_, index) => ({ at: 10 * index, value: value(index) }));
}

test("a straight line has its slope and no error", () => {
  const { perHour, error } = slopeOf(series((index) => 160 + index * 10 * 5 / 3600));
  assert.ok(Math.abs(perHour - 5) < 1e-9, `${perHour}`);
  assert.ok(error < 1e-6, `${error}`);
});

test("samples that stand still do not grow", () => {
  assert.deepEqual(slopeOf(series(() => 7)), { perHour: 0, error: 0 });
});

test("of two samples nothing is known", () => {
  assert.ok(Number.isNaN(surelyPerHour(slopeOf([{ at: 0, value: 1 }, { at: 1, value: 9 }]))));
});

test("within two errors of the slope lies the truth, also where samples resemble their neighbours", () => {
  for (const likeness of [0, 0.5, 0.9]) {
    let hits = 0;
    for (let seed = 1; seed <= 100; seed++) {
      const chance = chances(seed);
      let drift = 0;
      const { perHour, error } = slopeOf(series((index) => {
        drift = likeness * drift + chance() - 0.5;
        return 160 + drift + index * 10 * 2 / 3600;
      }));
      if (Math.abs(perHour - 2) <= 2 * error) hits++;
    }
    assert.ok(hits >= 88, `${hits} of 100 at ${likeness}`);
  }
});

test("a saw without growth is not surely growing, and one that rises by 10 an hour is", () => {
  const saw = (index: number) => (index * 7) % 40 / 4;
  assert.ok(surelyPerHour(slopeOf(series(saw))) < 1);
  assert.ok(surelyPerHour(slopeOf(series((index) => saw(index) + index / 36))) > 1);
});

test("growth that becomes faster is growth", () => {
  assert.ok(surelyPerHour(slopeOf(series((index) => (index / 30) ** 2))) > 1);
});

test("a count that comes back to its level is not raised, and one that leaks is", () => {
  const busy = [40, 44, 41, 47, 40, 43, 45, 40, 46, 42, 40, 41];
  assert.equal(raisedBy(busy), 0);
  assert.equal(raisedBy(busy.map((value, index) => value + Math.floor(index / 4))), 2);
});
