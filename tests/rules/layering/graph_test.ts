import assert from "node:assert/strict";
import { test } from "../../harness.ts";
import { graphOf, packageName } from "./graph.ts";

const ROOT = "file:///repo/";

test("files, packages and the runtime are told apart by where an import leads", () => {
  const graph = graphOf({
    modules: [{
      specifier: "file:///repo/core/a.ts",
      dependencies: [
        { specifier: "./b.ts", code: { specifier: "file:///repo/core/b.ts" } },
        { specifier: "selvage", type: { specifier: "file:///repo/mod.ts" } },
        {
          specifier: "@noble/hashes/x.js",
          code: { specifier: "file:///repo/node_modules/@noble/hashes/x.js" },
        },
        { specifier: "node:fs", code: { specifier: "node:fs" }, isDynamic: true },
      ],
    }],
  }, ROOT);
  assert.deepEqual(graph.edges, [
    { from: "core/a.ts", to: "core/b.ts", kind: "file", dynamic: false },
    { from: "core/a.ts", to: "mod.ts", kind: "file", dynamic: false },
    { from: "core/a.ts", to: "@noble/hashes", kind: "package", dynamic: false },
    { from: "core/a.ts", to: "node:fs", kind: "runtime", dynamic: true },
  ]);
});

test("what is installed or synthetic is no file of ours", () => {
  const specifiers = ["file:///repo/node_modules/hono/a.js", "data:text/javascript,1", "file:///repo/mod.ts"];
  const graph = graphOf({ modules: specifiers.map((specifier) => ({ specifier })) }, ROOT);
  assert.deepEqual(graph.files, ["mod.ts"]);
});

test("an import that does not resolve is kept as broken", () => {
  const dependency = { specifier: "nowhere", code: { error: 'Import "nowhere" not found' } };
  const missing = { specifier: "file:///repo/core/c.ts", error: "Module not found" };
  const graph = graphOf({
    modules: [{ specifier: "file:///repo/mod.ts", dependencies: [dependency] }, missing],
  }, ROOT);
  assert.deepEqual(graph.broken, ['mod.ts: Import "nowhere" not found', "core/c.ts: Module not found"]);
});

test("a package's name keeps its scope and loses its subpath", () => {
  assert.equal(packageName("@noble/hashes/blake2.js"), "@noble/hashes");
  assert.equal(packageName("cbor-x/index-no-eval"), "cbor-x");
});
