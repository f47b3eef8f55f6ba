import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { Stamps } from "./stamps.ts";

test("stamps grow with time and never repeat", () => {
  const stamps = new Stamps();
  stamps.start({ wall: 1_000, now: 50, reserve: undefined, keep() {} });
  assert.deepEqual([50, 50, 50, 60, 20].map((now) => stamps.next(now)), [1_000, 1_001, 1_002, 1_010, 1_011]);
});

test("a larger reserve is kept before stamps pass the last one, at most every 5 s", () => {
  const kept: number[] = [];
  const stamps = new Stamps();
  kept.push(
    stamps.start({ wall: 0, now: 0, reserve: undefined, keep: (reserve) => void kept.push(reserve) }),
  );
  for (let now = 0; now < 60_000; now += 10) assert.ok(stamps.next(now) <= kept.at(-1)!);
  assert.ok(kept.length <= 12, `${kept.length}`);
});

for (const [name, wall] of [["an hour back", -3_600_000], ["an hour ahead", 3_600_000]] as const) {
  test(`after a restart with the clock ${name} stamps go on growing`, () => {
    const kept: number[] = [];
    const keep = (reserve: number) => void kept.push(reserve);
    const before = new Stamps();
    kept.push(before.start({ wall: 10_000_000, now: 0, reserve: undefined, keep }));
    const last = [0, 1_000, 20_000, 90_000].map((now) => before.next(now)).at(-1)!;
    const after = new Stamps();
    after.start({ wall: 10_090_000 + wall, now: 7, reserve: kept.at(-1), keep });
    assert.ok(after.next(7) > last);
  });
}
