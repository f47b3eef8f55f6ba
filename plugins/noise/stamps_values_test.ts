/** Which stamp comes when, to the millisecond, and which number is kept on disk. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { Stamps, type StampStart } from "./stamps.ts";

/** On a disk that takes no time. */
function started(change: Partial<StampStart>): { stamps: Stamps; kept: number[] } {
  const stamps = new Stamps();
  const kept: number[] = [];
  const keep = (reserve: number) => {
    kept.push(reserve);
    stamps.kept(reserve);
  };
  keep(stamps.start({ wall: 1_000, now: 50, reserve: undefined, keep, ...change }));
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
  assert.equal(stamps.next(70), undefined);
  stamps.kept(14_011);
  assert.equal(stamps.next(70), 9_011);
});

test("a time before the start counts as the start", () => {
  assert.equal(started({}).stamps.next(40), 1_000);
});

test("when half of the reserve is used 5,000 more are asked for, once", () => {
  const { stamps, kept } = started({});
  assert.equal(stamps.next(50 + 2_500), 3_500);
  assert.deepEqual(kept, [6_000]);
  assert.equal(stamps.next(50 + 2_501), 3_501);
  assert.deepEqual(kept, [6_000, 8_501]);
  assert.equal(stamps.next(50 + 2_502), 3_502);
  assert.deepEqual(kept, [6_000, 8_501]);
});

test("while a reserve is being written stamps follow the clock to half of the last one, and then are one more each", () => {
  const stamps = new Stamps();
  const asked: number[] = [];
  const keep = (reserve: number) => void asked.push(reserve);
  stamps.kept(stamps.start({ wall: 1_000, now: 0, reserve: undefined, keep }));
  assert.deepEqual([0, 4_000, 4_900, 9_000].map((now) => stamps.next(now)), [1_000, 3_500, 3_501, 3_502]);
  assert.deepEqual(asked, [10_000]);
  stamps.kept(10_000);
  assert.equal(stamps.next(5_000), 6_000);
  assert.equal(stamps.next(9_100), 7_500);
  assert.deepEqual(asked, [10_000, 15_100]);
});

test("handshakes every 5 s, each of which asks for a larger reserve, have stamps that keep up with the clock", () => {
  const stamps = new Stamps();
  let asked = 0;
  const keep = (reserve: number) => void (asked = reserve);
  stamps.kept(stamps.start({ wall: 1_000, now: 0, reserve: undefined, keep }));
  for (let now = 5_000; now < 100_000; now += 5_000) {
    assert.ok(stamps.next(now)! >= 1_000 + now - 2_500, `at ${now}`);
    stamps.kept(asked);
  }
});

test("an answer takes a stamp as an initiation does; where there is none it has the last, and never one above the disk's", () => {
  const { stamps } = started({});
  assert.deepEqual([stamps.nextOrLast(50), stamps.nextOrLast(50)], [1_000, 1_001]);
  stamps.start({ wall: 20_000, now: 60, reserve: 6_000, keep: () => {} });
  assert.deepEqual([stamps.nextOrLast(60), stamps.next(60)], [6_000, undefined]);
  stamps.kept(25_000);
  assert.deepEqual([stamps.nextOrLast(60), stamps.next(60)], [20_000, 20_001]);
});
