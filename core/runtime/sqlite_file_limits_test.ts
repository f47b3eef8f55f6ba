import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { join } from "node:path";
import { test } from "../../tests/harness.ts";
import { SqliteFile } from "./sqlite_file.ts";
import { Opening } from "./sqlite_file_opening.ts";
import { withDirectory } from "./temporary_directory_fixture.ts";

test("the log is folded into the file when it has 4 MiB, and not before", () =>
  withDirectory((directory) => {
    const path = join(directory, "state.db");
    const points: string[] = [];
    const file = SqliteFile.open(path, { probe: (point) => points.push(point) });
    let longest = 0;
    while (!points.includes("folded")) {
      longest = statSync(`${path}-wal`).size;
      assert.ok(longest < 4_300_000, "it is not folded");
      file.write([{ key: "key", value: new Uint8Array(100_000) }]);
      file.foldIfLong();
    }
    assert.ok(longest < 4_194_304 && longest + 120_000 > 4_194_304, `${longest} bytes`);
    assert.equal(statSync(`${path}-wal`).size, 0);
    file.close();
  }));

test("what SQLite cannot open at all is STATE_UNWRITABLE, cannot-open", () =>
  withDirectory((directory) => {
    assert.throws(() => new Opening(directory, false, () => {}), (error: Error & Record<string, unknown>) => {
      assert.equal(error["code"], "STATE_UNWRITABLE");
      assert.deepEqual(error["details"], { path: directory, reason: "cannot-open" });
      return true;
    });
  }));
