import assert from "node:assert/strict";
import { test } from "../../harness.ts";
import { rulesBroken } from "./run_rules.ts";

const DATAPATH = [
  "core/datapath/loop.ts",
  "core/forwarding/lookup.ts",
  "core/wire/gre.ts",
  "plugins/noise/datapath.ts",
  "plugins/gre_udp/wire.ts",
];

const ELSEWHERE = [
  "core/node/x.ts",
  "core/wire/gre_test.ts",
  "plugins/noise/mod.ts",
  "core/noise/wire.ts",
];

const ASYNC = [
  "export async function f() {}",
  "export const f = async () => {};",
  "export class A { async f() {} }",
  "export const f = () => Promise.resolve(1);",
  "export function f(): Promise<void> | undefined { return undefined; }",
  "await globalThis.x;",
  "for await (const x of globalThis.y) globalThis.z(x);",
];

test("a throw is refused on the data path and allowed beside it", () => {
  const source = 'export function f() { throw new Error("x"); }';
  for (const place of DATAPATH) assert.deepEqual(rulesBroken(place, source), ["no-throw-in-datapath"], place);
  for (const place of ELSEWHERE) assert.deepEqual(rulesBroken(place, source), [], place);
});

test("the CBOR decoder alone may throw, but not wait", () => {
  assert.deepEqual(rulesBroken("core/wire/cbor.ts", 'export function f() { throw new Error("x"); }'), []);
  assert.deepEqual(rulesBroken("core/wire/cbor.ts", "export async function f() {}"), [
    "no-async-in-datapath",
  ]);
});

test("whatever would return to the event loop is refused on the data path", () => {
  for (const source of ASYNC) {
    assert.deepEqual(rulesBroken("core/forwarding/x.ts", source), ["no-async-in-datapath"], source);
    assert.deepEqual(rulesBroken("core/node/x.ts", source), [], source);
  }
});

test("synchronous code that returns its drops passes", () => {
  const source = "export function f(x: number[]): number { for (const y of x) if (y) return 1; return 0; }";
  for (const place of DATAPATH) assert.deepEqual(rulesBroken(place, source), [], place);
});
