import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { Deadlines, type Timed } from "./deadlines.ts";

/** A part that notes when it was woken. */
class Sleeper implements Timed {
  at: number | undefined;
  readonly woken: number[] = [];
  onWake: (now: number) => void = () => {};

  constructor(at: number | undefined) {
    this.at = at;
  }

  deadline() {
    return this.at;
  }

  handleTimeout(now: number) {
    this.woken.push(now);
    this.at = undefined;
    this.onWake(now);
  }
}

test("deadlines wake every part at its time, however they are moved", () => {
  const moves = fc.array(fc.tuple(fc.nat(9), fc.option(fc.nat(200), { nil: undefined })), { maxLength: 60 });
  fc.assert(
    fc.property(moves, (script) => {
      const deadlines = new Deadlines();
      const sleepers = Array.from({ length: 10 }, () => new Sleeper(undefined));
      for (const [who, at] of script) {
        sleepers[who]!.at = at;
        deadlines.update(sleepers[who]!);
      }
      const wanted = sleepers.map(({ at }) => at);
      for (let now = 0; now <= 200; now++) {
        const next = deadlines.next();
        if (next !== undefined && next <= now) deadlines.run(now);
      }
      assert.deepEqual(sleepers.map(({ woken }) => woken), wanted.map((at) => at === undefined ? [] : [at]));
      assert.equal(deadlines.next(), undefined);
    }),
    { seed: 5, numRuns: 300 },
  );
});

test("a part removed while others are woken is not woken and does not come back", () => {
  const deadlines = new Deadlines();
  const [first, second] = [new Sleeper(1), new Sleeper(1)];
  first.onWake = () => {
    first.at = 5;
    for (const part of [first, second]) deadlines.remove(part);
  };
  for (const part of [first, second]) deadlines.update(part);
  deadlines.run(1);
  assert.deepEqual([first.woken, second.woken, deadlines.next()], [[1], [], undefined]);
});
