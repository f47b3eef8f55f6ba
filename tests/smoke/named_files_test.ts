import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { namedFiles } from "./named_files.ts";

test("every condition of every entry is named, but not the sources", () => {
  const manifest = {
    bin: { selvage: "dist/cli.js" },
    exports: {
      ".": { types: "./dist/mod.d.ts", default: "./dist/mod.js" },
      "./package.json": "./package.json",
    },
    imports: { "#worker": { source: "./worker.ts", node: { import: "./dist/worker.js" } }, "#none": null },
  };
  assert.deepEqual(namedFiles(manifest), [
    "dist/cli.js",
    "dist/mod.d.ts",
    "dist/mod.js",
    "dist/worker.js",
    "package.json",
  ]);
});

test("a package that names nothing promises nothing", () => {
  assert.deepEqual(namedFiles({}), []);
});
