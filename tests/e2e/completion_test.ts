/** The completion scripts in the shells they are for; what a user presses Tab for, the shell itself is asked. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { FixtureNode } from "../../core/admin/mesh_node_fixture.ts";
import { run, temporaryDirectory } from "../../cli/io_fixture.ts";
import { serveAdmin } from "../../cli/serve_admin.ts";
import { test } from "../harness.ts";
import { CliWorld } from "./cli_process.ts";

const entry = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));
const runtime = "Deno" in globalThis ? ["run", "-A", "--no-check", "--unstable-net"] : ["-C", "source"];

/** Runs a script of one shell in which `selvage` is this program. */
function inShell(shell: string, args: readonly string[], script: string): string {
  using directory = temporaryDirectory();
  const program = join(directory.path, "selvage");
  const command = [process.execPath, ...runtime, entry].map((word) => `'${word}'`).join(" ");
  writeFileSync(program, `#!/bin/sh\nexec ${command} "$@"\n`);
  chmodSync(program, 0o755);
  const PATH = `${directory.path}${delimiter}${process.env["PATH"]}`;
  const environment = { ...process.env, PATH, HOME: directory.path, NO_COLOR: "1" };
  const { stdout, error } = spawnSync(shell, [...args, script], { encoding: "utf8", env: environment });
  if (error !== undefined) throw error;
  return stdout;
}

function missing(shell: string): string | undefined {
  return spawnSync(shell, ["--version"]).error === undefined ? undefined : `there is no ${shell} here`;
}

/** What bash would offer after these words. */
function bashReplies(words: readonly string[]): string[] {
  const script = `source <(selvage completion bash)
COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}
compopt() { :; }
__selvage_complete
printf '%s\\n' "\${COMPREPLY[@]}"`;
  return inShell("bash", ["--norc", "-c"], script).split("\n").filter((line) => line !== "");
}

test("bash completes commands, choices and options", () => {
  assert.deepEqual(bashReplies(["selvage", "stat"]), ["status"]);
  assert.deepEqual(bashReplies(["selvage", "status", "p"]), ["peers"]);
  assert.deepEqual(bashReplies(["selvage", "token", "re"]), ["revoke"]);
  assert.deepEqual(bashReplies(["selvage", "launch", "--log-level", "w"]), ["warn"]);
}, { skip: missing("bash") });

test("fish completes commands, choices and options", () => {
  const ask = (line: string) => `complete -C '${line}'; echo ==`;
  const lines = ["selvage stat", "selvage status p", "selvage launch --log-level w"].map(ask).join("\n");
  const out = inShell("fish", ["--no-config", "-c"], `selvage completion fish | source\n${lines}`);
  const offers = out.split("==\n").map((part) => part.split(/[\t\n]/)[0]);
  assert.deepEqual(offers.slice(0, 3), ["status", "peers", "warn"]);
}, { skip: missing("fish") });

test("zsh takes the script and completes with it", () => {
  const script = `autoload -Uz compinit; compinit -u -d $HOME/dump
source <(selvage completion zsh); print \${_comps[selvage]}
_describe() { print -l \${completions} }; _arguments() { : }
words=(selvage status p); CURRENT=3; _selvage`;
  const lines = inShell("zsh", ["-f", "-c"], script).split("\n");
  assert.equal(lines[0], "_selvage");
  assert.ok(lines.some((line) => line.startsWith("peers")), lines.join("\n"));
}, { skip: missing("zsh") });

test("names, tokens and targets come from the node that is meant, and from none when none answers", async () => {
  using directory = temporaryDirectory();
  await using world = new CliWorld();
  const socket = join(directory.path, "admin.sock");
  const at = (...words: string[]) => world.run(["complete", "--", ...words, "--socket", socket, ""]);
  assert.equal((await world.run(["complete", "--", "ping", ""])).out, ":4\n");
  await using _server = await serveAdmin(new FixtureNode(), { socket, stop: () => {} });
  assert.match((await at("ping")).out, /^web-1\t/m);
  assert.match((await at("revoke")).out, /^web-2\t/m);
});

test("where a file is wanted the shell completes files", async () => {
  assert.equal((await run(["complete", "--", "launch", "--config", ""])).out, ":0\n");
});
