import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "../../tests/harness.ts";
import { withUmask } from "./process.ts";

test("a file made under a mask has its permissions from the start, and the old mask is back", () => {
  const directory = mkdtempSync(join(os.tmpdir(), "selvage-umask-"));
  try {
    const before = process.umask();
    const path = join(directory, "secret");
    assert.equal(withUmask(0o177, () => (writeFileSync(path, "x"), "made")), "made");
    assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(process.umask(), before);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("the old mask is back after a failure too", () => {
  const before = process.umask();
  assert.throws(() =>
    withUmask(0o177, () => {
      throw new Error("disk is full");
    }), /disk is full/);
  assert.equal(process.umask(), before);
});
