/**
 * Registers the tests of whole folders in the isolate that this file runs in. A runtime that is given the files
 * themselves starts each anew (Node a process, Deno an isolate) and loads and compiles the product's modules again, which
 * takes longer than most files' tests. Takes the folders as its arguments:
 *
 *     node -C source --test-force-exit --test-reporter=spec tests/run/one_process.ts core
 *     deno test -A --no-check tests/run/one_process.ts -- core
 */
import process from "node:process";
import { test } from "../harness.ts";
import { ROOT, sourceFiles } from "../rules/source_files.ts";
import { runsOnNode } from "./steps.ts";

const folders = process.argv.slice(2);
const runs = "Deno" in globalThis ? (path: string) => path.endsWith("_test.ts") : runsOnNode;
const paths = sourceFiles().filter((path) =>
  runs(path) && folders.some((folder) => path.startsWith(`${folder}/`))
);
if (paths.length === 0) {
  throw new Error(`Cannot run tests: none are below ${folders.join(", ") || "no folder"}`);
}

for (const path of paths) {
  try {
    await import(`file://${ROOT}${path}`);
  } catch (error) {
    // The other files' tests still run.
    test(`${path} can be loaded`, () => {
      throw error;
    });
  }
}
