import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { slopeOf } from "../soak/slope.ts";
import { mostGrown } from "./churn.ts";

const level = slopeOf([0, 60, 120].map((at) => ({ at, value: 90 })));
const steep = slopeOf([0, 60, 120].map((at) => ({ at, value: 90 + at })));

test("of several nodes the one counts that grows most", () => {
  assert.equal(mostGrown([level]), 0);
  assert.ok(Math.abs(mostGrown([level, steep]) - 3600) < 1);
});

test("a node that was looked at too seldom after the warm-up is no node that does not grow", () => {
  const unknown = slopeOf([{ at: 200, value: 90 }, { at: 260, value: 90 }]);
  for (const growth of [[unknown], [level, unknown], []]) {
    assert.throws(() => mostGrown(growth), /let it run for longer/);
  }
});
