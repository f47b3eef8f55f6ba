import assert from "node:assert/strict";
import { test } from "../../harness.ts";
import { rulesBroken } from "./run_rules.ts";

const lines = (count: number): string => "  globalThis.x();\n".repeat(count);

test("a function of 60 lines passes, one of 61 does not", () => {
  const longest = [
    (body: string) => `export function f() {\n${body}}\n`,
    (body: string) => `export const f = () => {\n${body}};\n`,
    (body: string) => `export class A { f() {\n${body}} }\n`,
  ];
  for (const wrap of longest) {
    assert.deepEqual(rulesBroken("core/node/x.ts", wrap(lines(58))), []);
    assert.deepEqual(rulesBroken("core/node/x.ts", wrap(lines(59))), ["max-function-lines"]);
  }
});

test("four parameters pass, five do not", () => {
  for (
    const wrap of [
      (p: string) => `export function f(${p}) {}`,
      (p: string) => `export const f = (${p}) => {};`,
    ]
  ) {
    assert.deepEqual(rulesBroken("core/node/x.ts", wrap("_a, _b, _c, _d")), []);
    assert.deepEqual(rulesBroken("core/node/x.ts", wrap("_a, _b, _c, _d, _e")), ["max-parameters"]);
  }
});

test("a file of 400 lines passes, one of 401 does not", () => {
  assert.deepEqual(rulesBroken("core/node/x.ts", lines(400)), []);
  assert.deepEqual(rulesBroken("core/node/x.ts", lines(401)), ["max-file-lines"]);
});
