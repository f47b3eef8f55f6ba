/** The harness is proved by tests that must fail, run in a process of their own on this runtime. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { test } from "./harness.ts";

const FIXTURE = fileURLToPath(new URL("./run/fixtures/bad_tests.ts", import.meta.url));
const DENO = "Deno" in globalThis;
const RUN = DENO ? ["test", "-A", "--no-check"] : ["--test", "--test-force-exit"];
const SKIPPED = "needs what this machine lacks";

test("a leak, a hang and a failure each fail by name, and nothing else does", () => {
  const run = runFixture({});
  assert.equal(run.status, 1, `${run.stdout}${run.stderr}`);
  for (
    const name of [
      "leaves a server open",
      "leaves a datagram socket open",
      "leaves a timer running",
      "never settles",
      "asserts what is not so",
    ]
  ) assert.match(run.stdout, failed(name));
  assert.match(run.stdout, /left open by the test: TCP/);
  assert.doesNotMatch(run.stdout, failed("closes what it opened"));
});

test("a skipped test says why, and fails where nothing may be skipped", () => {
  const only = DENO ? `--filter=${SKIPPED}` : `--test-name-pattern=${SKIPPED}`;
  assert.match(runFixture({}, only).stdout, /needs what this machine lacks \(skipped: no such machine\)/);
  const strict = runFixture({ SELVAGE_NO_SKIP: "1" }, only);
  assert.match(strict.stdout, failed(SKIPPED));
  assert.match(strict.stdout, /cannot run here and SELVAGE_NO_SKIP=1: no such machine/);
});

/** Deno writes `name ... FAILED`, Node `✖ name (1ms)`. */
function failed(name: string): RegExp {
  return new RegExp(`${name} \\.\\.\\. FAILED|✖ ${name} \\(`);
}

function runFixture(env: Record<string, string>, ...flags: string[]) {
  const { NODE_TEST_CONTEXT: _nested, ...inherited } = process.env;
  return spawnSync(process.execPath, [...RUN, ...flags, FIXTURE], {
    encoding: "utf8",
    // A run that hangs is ended, and what it printed tells in which test.
    timeout: 30_000,
    killSignal: "SIGKILL",
    // Set, not left out: under Deno a child also inherits what its `env` leaves out.
    env: { ...inherited, NO_COLOR: "1", SELVAGE_NO_SKIP: "0", ...env },
  });
}
