import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import process from "node:process";
import { test } from "../../tests/harness.ts";
import { runCommand } from "./command.ts";

function shell(script: string, ...args: string[]) {
  return { program: "sh", args: ["-c", script, "sh", ...args] };
}

test("a program's output, errors and exit code come back, and a failure resolves too", async () => {
  assert.deepEqual(await runCommand(shell("echo out; echo err >&2; exit 7")), {
    code: 7,
    stdout: "out\n",
    stderr: "err\n",
  });
});

test("arguments reach a program as they are, and input by its standard input", async () => {
  const hostile = "a b; $(touch x) 'é\n";
  const { stdout } = await runCommand({ ...shell('cat; printf %s "$1"', hostile), input: "first " });
  assert.equal(stdout, `first ${hostile}`);
});

test("a program that ends without reading a long input is judged by its exit code", async () => {
  const { code } = await runCommand({ ...shell("exit 3"), input: "x".repeat(1_000_000) });
  assert.equal(code, 3);
});

test("a missing program is UNSUPPORTED and named", async () => {
  const missing = { program: "selvage-no-such-program", args: [] };
  await assert.rejects(runCommand(missing), {
    code: "UNSUPPORTED",
    message: /selvage-no-such-program/,
    details: { program: "selvage-no-such-program" },
  });
});

test("a program that takes too long is killed with all that it started", async () => {
  const command = { ...shell("sleep 600 & sleep 600"), timeout: 50 };
  await assert.rejects(runCommand(command), { code: "TIMEOUT" });
});

test("an aborted signal kills the program and rejects with its reason", async () => {
  const controller = new AbortController();
  const running = runCommand(shell("sleep 600"), controller.signal);
  const reason = new Error("stop");
  controller.abort(reason);
  await assert.rejects(running, reason);
  await assert.rejects(runCommand(shell("true"), controller.signal), reason);
});

test("a program that prints without end is killed at the limit", async () => {
  const command = { ...shell("yes"), outputLimit: 100_000 };
  await assert.rejects(runCommand(command), { code: "INTERNAL", message: /100000 bytes/ });
});

const hasSetsid = spawnSync("sh", ["-c", "command -v setsid"]).status === 0;

test("a time limit holds also where a program that left the group keeps the output open", async () => {
  const began = performance.now();
  const command = { ...shell("setsid sleep 5 & sleep 600"), timeout: 50 };
  await assert.rejects(runCommand(command), { code: "TIMEOUT" });
  assert.ok(performance.now() - began < 4_000);
}, { skip: hasSetsid ? undefined : "needs setsid" });

test("a program for which no descriptor is left is refused, and the process goes on", () => {
  const program = `
    const { openSync } = await import("node:fs");
    const { runCommand } = await import(${JSON.stringify(new URL("./command.ts", import.meta.url).href)});
    await runCommand({ program: "true", args: [] });
    try { for (;;) openSync("/dev/null", "r"); } catch {}
    await runCommand({ program: "true", args: [] }).catch(({ code }) => console.log(code));
    await new Promise((done) => setTimeout(done, 20));
    console.log("alive");
  `;
  const isDeno = "Deno" in globalThis;
  const args = isDeno
    ? ["eval", "--no-check", program]
    : ["-C", "source", "--input-type=module", "-e", program];
  const { stdout, stderr } = spawnSync(
    "sh",
    ["-c", 'ulimit -n 64; exec "$@"', "sh", process.execPath, ...args],
    { encoding: "utf8" },
  );
  assert.equal(stdout, "INTERNAL\nalive\n", stderr);
});

test("a program ended by a signal has that signal's number in its exit code", async () => {
  assert.equal((await runCommand(shell("kill -SEGV $$"))).code, 139);
});
