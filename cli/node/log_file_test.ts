import assert from "node:assert/strict";
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "../../tests/harness.ts";
import { temporaryDirectory } from "../io_fixture.ts";
import { openLogFile } from "./log_file.ts";
import { ownTraces } from "./traces.ts";

const limit = 10 * 1024 * 1024;

function privateFile(path: string, content: string | Uint8Array): void {
  writeFileSync(path, content);
  chmodSync(path, 0o600);
}

test("a log is private, and what is there is kept", () => {
  using directory = temporaryDirectory();
  const log = join(directory.path, "node.log");
  for (const line of ["first\n", "second\n"]) {
    const { descriptor } = openLogFile(directory.path);
    writeSync(descriptor, line);
    closeSync(descriptor);
  }
  assert.equal(readFileSync(log, "utf8"), "first\nsecond\n");
  assert.equal(statSync(log).mode & 0o777, 0o600);
});

test("a log of over 10 MiB is set aside at a start, in place of the one before", () => {
  using directory = temporaryDirectory();
  const [log, aside] = [join(directory.path, "node.log"), join(directory.path, "node.log.1")];
  privateFile(log, new Uint8Array(limit));
  closeSync(openLogFile(directory.path).descriptor);
  assert.ok(!existsSync(aside), "exactly 10 MiB stay");
  privateFile(log, new Uint8Array(limit + 1));
  privateFile(aside, "older");
  closeSync(openLogFile(directory.path).descriptor);
  assert.deepEqual([statSync(log).size, statSync(aside).size], [0, limit + 1]);
  assert.equal(statSync(log).mode & 0o777, 0o600);
  assert.deepEqual(ownTraces(directory.path), ["node.log", "node.log.1"], "reset takes both away");
});

test("a start that failed leaves the logs as they were", () => {
  using directory = temporaryDirectory();
  const [log, aside] = [join(directory.path, "node.log"), join(directory.path, "node.log.1")];
  const fail = () => {
    const { descriptor, undo } = openLogFile(directory.path);
    writeSync(descriptor, "failed\n");
    closeSync(descriptor);
    undo();
  };
  fail();
  assert.ok(!existsSync(log), "it was made for that start");
  privateFile(log, new Uint8Array(limit + 1));
  fail();
  assert.deepEqual([statSync(log).size, existsSync(aside)], [limit + 1, false]);
});

test("a log that cannot be set aside is written on", () => {
  using directory = temporaryDirectory();
  const log = join(directory.path, "node.log");
  privateFile(log, new Uint8Array(limit + 1));
  mkdirSync(join(directory.path, "node.log.1"));
  writeFileSync(join(directory.path, "node.log.1", "mine"), "");
  closeSync(openLogFile(directory.path).descriptor);
  assert.equal(statSync(log).size, limit + 1);
});
