import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SqliteFile } from "../../core/runtime/sqlite_file.ts";
import { test } from "../../tests/harness.ts";
import { ExitCode } from "../exit_code.ts";
import { run, temporaryDirectory } from "../io_fixture.ts";
import { type Undo, watchTraces } from "./traces.ts";

function makeDatabase(stateDir: string, key: string): void {
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const file = SqliteFile.open(join(stateDir, "selvage.db"));
  file.write([{ key, value: Uint8Array.of(1) }]);
  file.close();
}

/** Whether a start that left `key` in a new database leaves the database after being undone. */
function keeps(key: string, what: Undo): boolean {
  using directory = temporaryDirectory();
  const stateDir = join(directory.path, "a", "b");
  const traces = watchTraces(stateDir);
  makeDatabase(stateDir, key);
  traces.undo(what);
  const isKept = existsSync(join(stateDir, "selvage.db"));
  assert.deepEqual(readdirSync(directory.path), isKept ? ["a"] : []);
  return isKept;
}

test("a start that never got to knock is undone, up to the first directory that was there", () => {
  assert.equal(keeps("noise/stamp", "unused"), false);
});

test("an identity is kept that may have been admitted, and goes when a member said no", () => {
  assert.equal(keeps("node/identity", "unused"), true);
  assert.equal(keeps("node/identity", "refused"), false);
});

test("a network is kept that was joined, and goes when nobody else can know it", () => {
  assert.equal(keeps("node/network", "refused"), true);
  assert.equal(keeps("node/network", "everything"), false);
});

test("what was there before a start outlives its failure", () => {
  using directory = temporaryDirectory();
  makeDatabase(directory.path, "noise/stamp");
  watchTraces(directory.path).undo("everything");
  assert.deepEqual(readdirSync(directory.path), ["selvage.db"]);
});

test("reset asks, insists on --force where nobody can answer, and takes only what is ours", async () => {
  using directory = temporaryDirectory();
  const place = ["--state-dir", directory.path];
  const nothing = await run(["reset", ...place]);
  assert.deepEqual([nothing.code, /nothing to reset/.test(nothing.words)], [ExitCode.ok, true]);
  makeDatabase(directory.path, "node/identity");
  writeFileSync(join(directory.path, "notes.txt"), "mine");

  const alone = await run(["reset", ...place]);
  assert.deepEqual([alone.code, /--force/.test(alone.words)], [ExitCode.usage, true]);
  const no = await run(["reset", ...place], { interactive: true, ask: () => Promise.resolve("n") });
  assert.match(no.words, /nothing was changed/);
  assert.ok(existsSync(join(directory.path, "selvage.db")));

  const yes = await run(["reset", ...place], { interactive: true, ask: () => Promise.resolve("yes\n") });
  assert.equal(yes.code, ExitCode.ok);
  assert.deepEqual(readdirSync(directory.path), ["notes.txt"]);
});

test("reset leaves the state of a node that runs although its socket is gone", async () => {
  using directory = temporaryDirectory();
  makeDatabase(directory.path, "node/network");
  const held = SqliteFile.open(join(directory.path, "selvage.db"));
  const refused = await run(["reset", "--force", "--state-dir", directory.path]);
  assert.match(refused.words, /another node is running on it; stop that one/);
  held.write([{ key: "later", value: Uint8Array.of(1) }]);
  held.close();
  assert.deepEqual(readdirSync(directory.path), ["selvage.db"]);
  const done = await run(["reset", "--force", "--state-dir", directory.path]);
  assert.equal(done.code, ExitCode.ok);
});
