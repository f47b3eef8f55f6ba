import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { countTests, failedTests } from "./count_tests.ts";

const NODE = "ℹ tests 9\nℹ suites 0\nℹ pass 4\nℹ fail 2\nℹ cancelled 1\nℹ skipped 2\nℹ todo 0\n";

test("Deno's summary is read with and without what it leaves out", () => {
  assert.deepEqual(countTests("\nok | 12 passed | 0 failed (2s)\n"), { passed: 12, failed: 0, skipped: 0 });
  assert.deepEqual(countTests("FAILED | 3 passed (4 steps) | 1 failed (2 steps) | 5 ignored (1m2s)"), {
    passed: 3,
    failed: 1,
    skipped: 5,
  });
  assert.deepEqual(countTests("ok | 0 passed | 0 failed | 7 filtered out (2ms)"), NOTHING);
});

test("Node's summary is read, and a cancelled test has failed", () => {
  assert.deepEqual(countTests(NODE), { passed: 4, failed: 3, skipped: 2 });
});

test("colours change nothing", () => {
  const green = "\x1b[0m\x1b[32mok\x1b[0m | 1 passed | 0 failed \x1b[0m\x1b[38;5;245m(19ms)\x1b[0m";
  assert.deepEqual(countTests(green), { passed: 1, failed: 0, skipped: 0 });
  assert.deepEqual(countTests(`\x1b[34m${NODE.trimEnd().replaceAll("\n", "\x1b[39m\n\x1b[34m")}\x1b[39m`), {
    passed: 4,
    failed: 3,
    skipped: 2,
  });
});

test("the last summary counts, because a test may print one too", () => {
  assert.deepEqual(countTests("ok | 1 passed | 0 failed (1ms)\nok | 5 passed | 0 failed (9ms)\n")?.passed, 5);
});

test("output without a summary is no count", () => {
  assert.equal(countTests("error: Module not found\n"), undefined);
  assert.equal(countTests(""), undefined);
});

test("failed tests are named, as either runner tells them", () => {
  const deno = [
    "a => b ... FAILED (6ms)",
    " ERRORS ",
    "a => b => ./core/a_test.ts:2:1",
    "error: Error: no",
    " FAILURES ",
    "",
    "\x1b[1ma => b \x1b[38;5;245m=> ./core/a_test.ts:2:1\x1b[0m",
    "./core/b_test.ts (uncaught error)",
    "",
    "FAILED | 1 passed | 2 failed (31ms)",
  ];
  assert.deepEqual(failedTests(deno.join("\n")), [
    "a => b",
    "./core/b_test.ts (uncaught error)",
  ]);
  const node = "✖ c (1.5ms)\n✖ failing tests:\n\ntest at core/c_test.ts:3:1\n✖ c (d) (1.5ms)\n  Error: no\n";
  assert.deepEqual(failedTests(node), ["c (d)"]);
  assert.deepEqual(failedTests("ok | 1 passed | 0 failed (1ms)"), []);
});

const NOTHING = { passed: 0, failed: 0, skipped: 0 };
