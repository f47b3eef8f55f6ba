/** Which stamp comes when, to the millisecond, and which number is kept on disk. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { Stamps, type StampStart } from "./stamps.ts";

function started(change: Partial<StampStart>): { stamps: Stamps; kept: number[] } {
  const stamps = new Stamps();
  const kept: number[] = [];
  const keep = (reserve: number) => void kept.push(reserve);
  kept.push(stamps.start({ wall: 1_000, now: 50, reserve: undefined, keep, ...change }));
  return { stamps, kept };
}

test("without a start stamps begin at 1 and follow the clock", () => {
  const stamps = new Stamps();
  assert.deepEqual([0, 0, 5, 5].map((now) => stamps.next(now)), [1, 2, 6, 7]);
});

test("stamps are the wall clock in whole milliseconds, and 5,000 more are reserved", () => {
  const { stamps, kept } = started({ wall: 1_000.7 });
  assert.deepEqual(kept, [6_000]);
  assert.deepEqual([50, 50.5, 51, 60].map((now) => stamps.next(now)), [1_000, 1_001, 1_002, 1_010]);
  assert.equal(started({ wall: 1_000 }).stamps.next(50.9), 1_000);
});

test("a clock that went back starts above what was kept", () => {
  const { stamps, kept } = started({ wall: 1_000, reserve: 2_000 });
  assert.deepEqual(kept, [7_001]);
  assert.equal(stamps.next(50), 2_001);
});

test("a wall clock before 1970 starts at 1", () => {
  const { stamps, kept } = started({ wall: -5 });
  assert.deepEqual(kept, [5_001]);
  assert.equal(stamps.next(50), 1);
});

test("another start goes on above the last stamp", () => {
  const { stamps } = started({ wall: 9_000 });
  assert.equal(stamps.next(60), 9_010);
  assert.equal(stamps.start({ wall: 1, now: 70, reserve: 3, keep: () => {} }), 9_011 + 5_000);
  assert.equal(stamps.next(70), 9_011);
});

test("a time before the start counts as the start", () => {
  assert.equal(started({}).stamps.next(40), 1_000);
});

test("a stamp up to the reserve uses it, one beyond asks for 5,000 more before it is given", () => {
  const { stamps, kept } = started({});
  assert.equal(stamps.next(5_050), 6_000);
  assert.deepEqual(kept, [6_000]);
  assert.equal(stamps.next(5_050), 6_001);
  assert.deepEqual(kept, [6_000, 11_001]);
  assert.equal(stamps.next(5_051), 6_002);
  assert.deepEqual(kept, [6_000, 11_001]);
});
