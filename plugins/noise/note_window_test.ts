import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { NoteWindow } from "./note_window.ts";

test("a window takes each counter once, and none that is 64 or more behind the newest", () => {
  const steps = fc.array(fc.oneof(fc.nat(100), fc.nat(1_000), fc.constantFrom(0, 2 ** 32, 2 ** 53 - 1)));
  fc.assert(
    fc.property(steps, (counters) => {
      const window = new NoteWindow();
      const seen = new Set<number>();
      for (const counter of counters) {
        const newest = Math.max(-1, ...seen);
        const expected = !seen.has(counter) && counter > newest - 64;
        assert.equal(window.isNew(counter), expected);
        assert.equal(window.accept(counter), expected);
        if (expected) seen.add(counter);
      }
    }),
    { seed: 64, numRuns: 2_000 },
  );
});

test("asking a window changes nothing", () => {
  const window = new NoteWindow();
  window.accept(70);
  for (const counter of [6, 7, 69, 70, 71, 10_000]) window.isNew(counter);
  assert.deepEqual([6, 7, 69, 70, 71].map((counter) => window.accept(counter)), [
    false,
    true,
    true,
    false,
    true,
  ]);
});
