/**
 * Loads every module of the product once. Importing must do nothing but define: no socket, no timer, no output, on both
 * runtimes. It also puts the files that no other test reaches into the coverage report, where they would be missing.
 */
import assert from "node:assert/strict";
import { test } from "./harness.ts";
import { sourceFiles } from "./rules/source_files.ts";

/** Started by a Worker; on the main thread it has nobody to talk to. */
const PROGRAMS = new Set(["plugins/datapath_worker.ts"]);

const modules = sourceFiles().filter((path) =>
  /^(mod\.ts$|core\/|plugins\/|cli\/)/.test(path) && !path.endsWith("_test.ts") && !PROGRAMS.has(path)
);

test("importing any module of the product starts nothing", async () => {
  for (const path of modules) {
    const exports: unknown = await import(`../${path}`);
    assert.equal(typeof exports, "object", path);
  }
});
