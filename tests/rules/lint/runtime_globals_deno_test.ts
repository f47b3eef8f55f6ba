import assert from "node:assert/strict";
import { test } from "../../harness.ts";
import { rulesBroken } from "./run_rules.ts";

const RUNTIME = [
  'import fs from "node:fs";\nexport const x = fs;',
  'import type { Socket } from "node:dgram";\nexport type X = Socket;',
  'export { join } from "node:path";',
  'export * from "node:path";',
  'export const x = () => import("node:fs");',
  'export type X = import("node:fs").Stats;',
  "export const x = Deno.pid;",
  "export const x = (globalThis as { Deno?: unknown }).Deno;",
  "export const x = globalThis.process;",
];

test("the runtime is named in core/runtime and the shells only", () => {
  for (const source of RUNTIME) {
    assert.deepEqual(rulesBroken("plugins/udp/mod.ts", source), ["no-runtime-globals"], source);
    for (const place of ["core/runtime/udp.ts", "cli/x.ts", "mod.ts", "tests/x.ts", "examples/x.ts"]) {
      assert.deepEqual(rulesBroken(place, source), [], `${place}: ${source}`);
    }
  }
});

test("a test beside its subject may import the assertions and nothing else of the runtime", () => {
  const assertion = 'import assert from "node:assert/strict";\nassert.ok(true);';
  assert.deepEqual(rulesBroken("core/node/x_test.ts", assertion), []);
  assert.deepEqual(rulesBroken("core/node/x.ts", assertion), ["no-runtime-globals"]);
  assert.deepEqual(rulesBroken("core/node/x_test.ts", 'import "node:fs";'), ["no-runtime-globals"]);
});

test("a property that happens to share a name with a global passes", () => {
  assert.deepEqual(rulesBroken("core/node/x.ts", "export const x = { Deno: 1 };"), []);
});
