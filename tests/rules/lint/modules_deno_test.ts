import assert from "node:assert/strict";
import { test } from "../../harness.ts";
import { rulesBroken } from "./run_rules.ts";

test("default exports are refused in each of their spellings", () => {
  for (const source of ["export default 1;", "const x = 1;\nexport { x as default };"]) {
    assert.deepEqual(rulesBroken("core/node/x.ts", source), ["no-default-export"], source);
  }
  assert.deepEqual(rulesBroken("core/node/x.ts", "export const x = 1;"), []);
  assert.deepEqual(rulesBroken("tests/rules/lint_plugin.ts", "export default {};"), []);
});

test("file names say their subject, in snake_case", () => {
  const bad = [
    "index.ts",
    "utils.ts",
    "types.ts",
    "helpers.ts",
    "helpers_test.ts",
    "peerTable.ts",
    "peer-table.ts",
  ];
  for (const name of bad) {
    assert.deepEqual(rulesBroken(`core/node/${name}`, ""), ["no-banned-file-name"], name);
  }
  for (const name of ["mod.ts", "peer_table.ts", "peer_table_test.ts", "ipv4.ts", "aes_256_gcm.ts"]) {
    assert.deepEqual(rulesBroken(`core/node/${name}`, ""), [], name);
  }
});

test("the private keyword is refused, except on a constructor, which has no # form", () => {
  const keyword = [
    "export class A { private x = 1; }",
    "export class A { private f() {} }",
  ];
  for (const source of keyword) {
    assert.deepEqual(rulesBroken("core/node/x.ts", source), ["no-private-keyword"], source);
  }
  for (
    const source of ["export class A { #x = 1; y = this.#x; }", "export class A { private constructor() {} }"]
  ) {
    assert.deepEqual(rulesBroken("core/node/x.ts", source), [], source);
  }
});
