/** What a store refuses, and what a fault of SQLite is called. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { MeshError } from "../contracts/errors.ts";
import { storeLimits } from "../contracts/store.ts";
import { fileError } from "./sqlite_file_errors.ts";
import { copyBatch, copyChanges, requireRoom } from "./store_image.ts";

const value = new Uint8Array(1);

test("the limits of a store are those of the documentation", () => {
  assert.deepEqual(storeLimits, {
    keyLength: 512,
    batchBytes: 16_777_216,
    queueBytes: 67_108_864,
    queueBatches: 16_384,
  });
});

test("what waits beyond the limits is STATE_UNWRITABLE, queue-full; a batch alone is taken, however large", () => {
  const full = { code: "STATE_UNWRITABLE", message: /changes wait for the disk/ };
  requireRoom({ batches: 0, bytes: 0 }, 2 ** 40);
  requireRoom({ batches: 16_383, bytes: 0 }, 1);
  assert.throws(() => requireRoom({ batches: 16_384, bytes: 0 }, 1), full);
  requireRoom({ batches: 1, bytes: 67_108_863 }, 1);
  assert.throws(() => requireRoom({ batches: 1, bytes: 67_108_863 }, 2), full);
});

test("a batch of 16 MiB is taken; a longer one, a key that is none and a value that is no bytes are INVALID_ARGUMENT", () => {
  const refused = { code: "INVALID_ARGUMENT" };
  const longest = { key: "k", value: new Uint8Array(16_777_215) };
  assert.equal(copyBatch([longest]).length, 1);
  assert.throws(() => copyBatch([longest, { key: "l", value: undefined }]), refused);
  assert.equal(copyChanges([{ key: "k".repeat(512), value }]).length, 1);
  for (const key of ["", "k".repeat(513), "a\0b", "\ud800"]) {
    assert.throws(() => copyChanges([{ key, value }]), refused, JSON.stringify(key));
  }
  assert.throws(() => copyChanges([{ key: "k", value: "text" as never }]), refused);
});

test("each result code of SQLite is named by its code and reason", () => {
  const named = (errcode: number) => {
    const error = fileError("write", "/state.db", Object.assign(new Error("it failed"), { errcode }));
    return error instanceof MeshError ? [error.code, error.details["reason"]] : error;
  };
  const table = {
    "1": ["STATE_CORRUPT", "damaged"],
    "5": ["ALREADY_RUNNING", "locked"],
    "6": ["ALREADY_RUNNING", "locked"],
    "8": ["STATE_UNWRITABLE", "read-only"],
    "10": ["STATE_UNWRITABLE", "input-output"],
    "11": ["STATE_CORRUPT", "damaged"],
    "13": ["DISK_FULL", "disk-full"],
    "14": ["STATE_UNWRITABLE", "cannot-open"],
    "26": ["STATE_CORRUPT", "not-a-database"],
    "778": ["STATE_UNWRITABLE", "input-output"],
  };
  for (const [code, expected] of Object.entries(table)) assert.deepEqual(named(Number(code)), expected, code);
  assert.deepEqual(named(13 + 256 * 7), ["DISK_FULL", "disk-full"], "extended codes end in the primary one");
});
