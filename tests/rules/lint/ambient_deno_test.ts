import assert from "node:assert/strict";
import { test } from "../../harness.ts";
import { rulesBroken } from "./run_rules.ts";

const TIME = [
  "export const now = Date.now();",
  'export const now = Date["now"]();',
  "export const now = globalThis.Date.now();",
  "export const now = new Date();",
  "export const now = new globalThis.Date();",
  "export const now = Date();",
  "export const { now } = Date;",
  "export const now = performance.now();",
  "export const now = globalThis.performance.now();",
  "setTimeout(() => {}, 1);",
  "export const later = setTimeout;",
  "export const timers = { setTimeout };",
  "globalThis.setInterval(() => {}, 1);",
  "setImmediate(() => {});",
  "export const signal = AbortSignal.timeout(5);",
];

const CHANCE = [
  "export const x = Math.random();",
  "export const { random } = Math;",
  "export const x = crypto.randomUUID();",
  "export const x = globalThis.crypto.getRandomValues(new Uint8Array(8));",
  'import { randomBytes } from "@noble/hashes/utils.js";\nexport const x = randomBytes;',
  'import { x25519 } from "@noble/curves/ed25519.js";\nexport const x = x25519.utils.randomSecretKey();',
  'import { x25519 } from "@noble/curves/ed25519.js";\nexport const x = x25519.keygen();',
];

const HANDED_IN = [
  "export const after = (clock: { now(): number }) => clock.now() + 1;",
  "export const date = (millis: number) => new Date(millis).toISOString();",
  "export interface Timers { setTimeout(ms: number): void }",
  "export const half = Math.floor(3 / 2);",
  "export const timers = { setTimeout: 1 };",
  'import { x25519 } from "@noble/curves/ed25519.js";\nexport const x = (s: Uint8Array) => x25519.keygen(s);',
  'import { randomInt } from "./seeded.ts";\nexport const x = randomInt;',
];

test("every way to read the machine's clock is found", () => {
  for (const source of TIME) {
    assert.deepEqual(rulesBroken("core/node/x.ts", source), ["no-ambient-time"], source);
  }
});

test("every way to draw the machine's entropy is found", () => {
  for (const source of CHANCE) {
    assert.deepEqual(rulesBroken("core/node/x.ts", source), ["no-ambient-chance"], source);
  }
});

test("time and chance that are handed in pass", () => {
  for (const source of HANDED_IN) assert.deepEqual(rulesBroken("plugins/gossip/x.ts", source), [], source);
});

test("ambient time is found wherever an expression may stand", () => {
  const places = [
    "export class A { constructor() { Date.now(); } }",
    "export class A { #at = Date.now(); get at() { return this.#at; } }",
    "export class A { static { Date.now(); } }",
    "export const f = (now = Date.now()) => now;",
    "export const f = ({ now = Date.now() }) => now;",
    "export const text = `${Date.now()}`;",
    "export const at = globalThis.x ?? [...[Date?.now()]];",
    "export function* f() { yield Date.now(); }",
    "label: for (;;) { if (Date.now() > 1) break label; }",
    "export const o = { get now() { return Date.now() as number; } };",
  ];
  for (const source of places) {
    assert.deepEqual(rulesBroken("core/node/x.ts", source), ["no-ambient-time"], source);
  }
});

test("modules that hold nothing but timers are refused even where node: may be imported", () => {
  const sources = ["node:timers/promises", "node:timers", "node:perf_hooks"];
  for (const source of sources) {
    assert.deepEqual(rulesBroken("cli/x.ts", `import "${source}";`), ["no-ambient-time"], source);
  }
  assert.deepEqual(rulesBroken("cli/x.ts", 'import { randomUUID } from "node:crypto";'), [
    "no-ambient-chance",
  ]);
  assert.deepEqual(rulesBroken("cli/x.ts", 'import { hrtime } from "node:process";'), ["no-ambient-time"]);
});

test("core/runtime, tests and examples may be ambient, tests beside their subject may not", () => {
  const source = "export const x = Date.now() + Math.random();";
  for (const place of ["core/runtime/clock.ts", "tests/bench/main.ts", "examples/demo/main.ts"]) {
    assert.deepEqual(rulesBroken(place, source), [], place);
  }
  for (const place of ["mod.ts", "cli/main.ts", "core/node/x_test.ts", "plugins/udp/mod.ts"]) {
    assert.deepEqual(rulesBroken(place, source), ["no-ambient-chance", "no-ambient-time"], place);
  }
});
