/** Nodes as a user runs them, with `--pcap`. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { NodeStatus } from "../../core/contracts/node.ts";
import { test } from "../../tests/harness.ts";
import { ExitCode } from "../exit_code.ts";
import { run, temporaryDirectory } from "../io_fixture.ts";
import { captureHeader } from "./pcapng.ts";
import { captureLinks } from "./captured_plugins.ts";

test("a node that writes packets says so as the reason for its data path, and leaves a file that only its user reads", async () => {
  using directory = temporaryDirectory();
  const [stateDir, file] = ["state", "packets"].map((name) => join(directory.path, name)) as [string, string];
  const interrupted = new AbortController();
  const ready = Promise.withResolvers<void>();
  let words = "";
  const place = ["--state-dir", stateDir];
  const ended = run(["launch", ...place, "--listen", "127.0.0.1:0", "--pcap", `${file}:outer`], {
    interrupted: interrupted.signal,
    say: (text) => {
      words += text;
      if (text.includes("is ready in network")) ready.resolve();
    },
  });
  await Promise.race([ready.promise, ended.then(({ code }) => assert.fail(`${code}: ${words}`))]);
  const { datapath } = JSON.parse((await run(["status", "-o", "json", ...place])).out) as NodeStatus;
  assert.deepEqual([datapath.path, datapath.reason], ["main", "packets are written to a file"]);
  interrupted.abort("SIGINT");
  assert.equal((await ended).code, ExitCode.ok);
  assert.deepEqual(new Uint8Array(readFileSync(file)), captureHeader(captureLinks.outer));
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test("a launch that cannot write packets where it should starts nothing and leaves nothing", async () => {
  using directory = temporaryDirectory();
  const [stateDir, file] = ["state", "packets"].map((name) => join(directory.path, name)) as [string, string];
  writeFileSync(file, "mine");
  const argv = ["launch", "--state-dir", stateDir, "--listen", "127.0.0.1:0"];
  const { code, words } = await run([...argv, "--pcap", file]);
  assert.equal(code, ExitCode.usage);
  assert.match(words, /Cannot write packets to .*: there is such a file; name another one or remove it/);
  assert.equal((await run([...argv, "--pcap-limit", "1M"])).code, ExitCode.usage);
  assert.deepEqual([readFileSync(file, "utf8"), existsSync(stateDir)], ["mine", false]);
});
