import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { Codel, codelInterval, codelTarget, ticksBetween, ticksOf } from "./codel.ts";

/** Drops in a queue that is served every `pace` ticks with packets that have waited `wait`, as ticks since its start. */
function dropsOf(codel: Codel, { start, length, pace, wait }: Record<string, number>): number[] {
  const drops: number[] = [];
  for (let at = 0; at < length!; at += pace!) {
    const now = (start! + at) % 2 ** 30;
    const since = (now - wait! + 2 ** 30) % 2 ** 30;
    if (codel.drops(0, since, now, false)) drops.push(at);
  }
  return drops;
}

for (const start of [5_000, 2 ** 30 - 5_000]) {
  test(`a queue that is too long for an interval drops ever faster, at ${start}`, () => {
    const drops = dropsOf(new Codel(1), { start, length: 10 * codelInterval, pace: 10, wait: codelTarget });
    assert.equal(drops[0], codelInterval);
    assert.ok(drops.length > 10);
    const gaps = drops.slice(1).map((at, index) => at - drops[index]!);
    for (const [index, gap] of gaps.entries()) {
      const wanted = codelInterval / Math.sqrt(index + 1);
      assert.ok(Math.abs(gap - wanted) <= 20, `gap ${index} is ${gap}, not ${wanted}`);
    }
  });
}

test("a queue that is short once in every interval drops nothing", () => {
  const codel = new Codel(1);
  for (let at = 1; at < 20 * codelInterval; at += 10) {
    const wait = at % (codelInterval - 10) < 10 ? 0 : 10 * codelTarget;
    assert.equal(codel.drops(0, at + 2 ** 20 - wait, at + 2 ** 20, false), false);
  }
});

test("the last packet of a queue is never dropped, however long it waited", () => {
  const codel = new Codel(1);
  for (let at = 0; at < 20 * codelInterval; at += 10) {
    assert.equal(codel.drops(0, at, at + 50 * codelTarget, true), false);
  }
});

test("queues know nothing of each other, and one that was emptied begins anew", () => {
  const codel = new Codel(2);
  const long = { start: 9_000, length: 3 * codelInterval, pace: 10, wait: codelTarget };
  assert.ok(dropsOf(codel, long).length > 1);
  assert.equal(codel.drops(1, 0, 9_000 + 3 * codelInterval, false), false);
  codel.emptied(0);
  assert.equal(codel.drops(0, 9_000, 9_000 + 3 * codelInterval, false), false);
});

test("ticks are hundredths of a millisecond and turn over", () => {
  assert.equal(ticksOf(1, 0), 100_000);
  assert.equal(ticksOf(0, 999_999_999), 99_999);
  assert.equal(ticksBetween(ticksOf(20_000, 0), ticksOf(20_001, 500_000_000)), 150_000);
  for (const seconds of [1e4, 1e6, 4e9]) {
    assert.equal(ticksBetween(ticksOf(seconds, 990_000_000), ticksOf(seconds + 1, 0)), 1_000);
  }
});
