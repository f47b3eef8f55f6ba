/** The completion scripts in the shells they are for; what a user presses Tab for, the shell itself is asked. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { FixtureNode } from "../../core/admin/mesh_node_fixture.ts";
import { adminAt } from "../../cli/admin_connection.ts";
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
  // The first question loads the API, which on a busy machine takes longer than the patience of a key.
  await adminAt(socket).version();
  assert.match((await at("ping")).out, /^web-1\t/m);
  assert.match((await at("revoke")).out, /^web-2\t/m);
});

test(
  "bash and zsh run nothing of what is typed or answered, and Tab leaves a file alone that a line writes to",
  () => {
    using directory = temporaryDirectory();
    const at = (name: string) => join(directory.path, name);
    writeFileSync(at("report"), "kept");
    // A false program: whoever answers at an address may be somebody else than the node.
    const answer = `selvage() { [[ $1 == complete ]] && printf 'a$(>${at("answer")})\\tup\\n:4\\n'; }`;
    const load = (shell: string) =>
      `script=$(selvage completion ${shell}); eval "$script"; ${answer}; compopt() { :; }; compset() { :; }`;
    inShell(
      "bash",
      ["--norc", "-c"],
      `${load("bash")}
COMP_WORDS=(selvage ping '"$(>${at("word")})"' '>' '${at("report")}' 'a'); COMP_CWORD=5
__selvage_complete; printf '%s' "\${COMPREPLY[*]}" > '${at("bash")}'`,
    );
    inShell(
      "zsh",
      ["-f", "-c"],
      `autoload -Uz compinit; compinit -u -d $HOME/dump; ${load("zsh")}
_describe() { print -r -- $completions > '${at("zsh")}' }
words=(selvage ping '--a$(>${at("word")})='); CURRENT=3; _selvage`,
    );
    assert.deepEqual(readdirSync(directory.path).sort(), ["bash", "report", "zsh"]);
    assert.equal(readFileSync(at("report"), "utf8"), "kept");
    for (const shell of ["bash", "zsh"]) assert.ok(readFileSync(at(shell), "utf8").startsWith("a$(>"), shell);
  },
  { skip: missing("bash") ?? missing("zsh") },
);

test("bash goes on behind the colons of an endpoint", () => {
  const script = `eval "$(selvage completion bash)"
selvage() { printf '192.0.2.7:6783\\tup\\n192.0.2.8:6783\\tup\\n:4\\n'; }
_get_comp_words_by_ref() { cur=192.0.2.7:6 cword=2 words=(selvage forget 192.0.2.7:6); }
compopt() { :; }
COMP_WORDS=(selvage forget 192.0.2.7 : 6); COMP_CWORD=4; COMP_WORDBREAKS=:
__selvage_complete; printf '%s\n' "\${COMPREPLY[@]}"`;
  assert.equal(inShell("bash", ["--norc", "-c"], script), "6783\n");
}, { skip: missing("bash") });

test("where a file is wanted the shell completes files", async () => {
  assert.equal((await run(["complete", "--", "launch", "--config", ""])).out, ":0\n");
});
