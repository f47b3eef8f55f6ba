import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { crashPoints } from "./crash_points.ts";
import { runCrashPoints } from "./crash_run.ts";

/** The suite runs every so many points, others on each runtime; the proofs run all of them. */
const stride = 16;
const offset = "Deno" in globalThis ? 0 : stride / 2;

test(`there are at least 50 points at which a node is killed (${crashPoints.length}), each with a name of its own`, () => {
  assert.ok(crashPoints.length >= 50, `${crashPoints.length} points`);
  assert.equal(new Set(crashPoints.map(({ name }) => name)).size, crashPoints.length);
});

test(
  "killed at a point, a node has kept all that it had promised, whole batches only, and starts within two seconds",
  async () => {
    const outcome = await runCrashPoints({ filter: (_, index) => index % stride === offset });
    assert.deepEqual(outcome.failures, []);
    assert.ok(outcome.points >= crashPoints.length / stride - 1);
  },
  { limit: 240_000 },
);
