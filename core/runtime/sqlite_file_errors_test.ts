import assert from "node:assert/strict";
import { MeshError } from "../contracts/errors.ts";
import { test } from "../../tests/harness.ts";
import { fileError } from "./sqlite_file_errors.ts";

/** As SQLite's bindings throw it, by its extended code. */
function named(errcode: number): MeshError {
  const error = fileError("write", "/state.db", Object.assign(new Error("disk I/O error"), { errcode }));
  assert.ok(error instanceof MeshError);
  return error;
}

test("a failed sync, read or truncation ends all writing; a write that the system refuses, as under a quota, does not", () => {
  for (
    const [errcode, isFatal] of [[1034, true], [266, true], [1546, true], [10, true], [778, false]] as const
  ) {
    const { code, details } = named(errcode);
    assert.deepEqual([code, details["reason"]], ["STATE_UNWRITABLE", "input-output"]);
    assert.equal(details["fatal"], isFatal, `code ${errcode}`);
  }
  assert.match(named(778).message, /look for a quota/);
  assert.equal(named(13).details["fatal"], false);
});

test("what SQLite has not thrown stays as it is", () => {
  const error = new TypeError("another one");
  assert.equal(fileError("write", "/state.db", error), error);
});
