import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { type Outcome, runStep } from "./run_step.ts";
import type { Step } from "./steps.ts";

const TESTS: Step = { name: "t", title: "tests", commands: [["a"], ["b"]], counts: "tests" };
const BUILD: Step = { name: "b", title: "build", commands: [["a"]], counts: "step" };
const GREEN = "ok | 2 passed | 0 failed (1ms)";

test("a step of tests sums what its commands counted", async () => {
  const outcome = await run(TESTS, [GREEN, GREEN]);
  assert.equal(outcome.failure, undefined);
  assert.deepEqual(outcome.counts, { passed: 4, failed: 0, skipped: 0 });
});

test("any other step counts as one", async () => {
  assert.deepEqual((await run(BUILD, ["built"])).counts, { passed: 1, failed: 0, skipped: 0 });
  const broken = await run(BUILD, ["no"], { exit: "exit code 2" });
  assert.equal(broken.failure, "exit code 2");
  assert.deepEqual(broken.counts, { passed: 0, failed: 1, skipped: 0 });
});

test("a failure is counted even if no test reports it, and once for all commands of a step", async () => {
  const outcome = await run(TESTS, ["error: type error"], { exit: "exit code 1" });
  assert.deepEqual(outcome.counts, { passed: 0, failed: 1, skipped: 0 });
});

test("after a command that failed, a step of tests goes on and any other ends", async () => {
  const outcome = await run(TESTS, ["FAILED | 1 passed | 1 failed (1ms)", GREEN]);
  assert.equal(outcome.failure, "1 failed");
  assert.deepEqual(outcome.counts, { passed: 3, failed: 1, skipped: 0 });
  const broken = await run({ ...BUILD, commands: [["a"], ["b"]] }, ["no", "no"], { exit: "exit code 2" });
  assert.equal(broken.seconds, 10);
});

test("a run that tested nothing has failed", async () => {
  assert.equal((await run(TESTS, ["no tests found"])).failure, "it printed no count of tests");
  assert.equal((await run({ ...TESTS, commands: [] }, [])).failure, "there is nothing to run");
});

test("a skipped test fails the step where nothing may be skipped", async () => {
  const skipped = "ok | 2 passed | 0 failed | 1 ignored (1ms)";
  assert.equal((await run(TESTS, [skipped, GREEN])).failure, undefined);
  const strict = await run(TESTS, [skipped, GREEN], { noSkip: true });
  assert.equal(strict.failure, "1 skipped and SELVAGE_NO_SKIP=1");
  assert.equal(strict.counts.failed, 1);
});

test("the time is that of all its commands", async () => {
  assert.equal((await run(TESTS, [GREEN, GREEN])).seconds, 20);
});

/** Each command prints the next of the outputs and takes ten seconds. */
function run(step: Step, outputs: string[], how: { exit?: string; noSkip?: boolean } = {}): Promise<Outcome> {
  let now = 0;
  return runStep(step, {
    noSkip: how.noSkip ?? false,
    now: () => now,
    run: () => {
      now += 10;
      return Promise.resolve({ failure: how.exit, output: outputs.shift() ?? "" });
    },
  });
}
