/** The small parts that keep a machine within its means. */
import assert from "node:assert/strict";
import { SimRandom } from "../../tests/sim/random.ts";
import { test } from "../../tests/harness.ts";
import { Allowance } from "./allowance.ts";
import { Chance } from "./chance.ts";
import { Evidence } from "./evidence.ts";
import { Outputs } from "./facts.ts";
import { Health } from "./health.ts";
import { limits } from "./options.ts";

test("an allowance is one member's, and comes back after ten seconds", () => {
  const allowance = new Allowance(2);
  assert.deepEqual([1, 1, 1, 2].map((peer) => allowance.take(peer, 0)), [true, true, false, true]);
  assert.equal(allowance.take(1, 9_999), false);
  assert.equal(allowance.take(1, 10_000), true);
});

test("an allowance counts a bounded number of members", () => {
  const allowance = new Allowance(2);
  for (let peer = 0; peer < 1_024; peer++) assert.ok(allowance.take(peer, 0));
  assert.equal(allowance.take(9_999, 0), false);
  assert.ok(allowance.take(5, 0), "who is counted already goes on");
});

test("health is worst at eight, and forgives with time", () => {
  const health = new Health();
  for (let time = 0; time < 20; time++) health.worse(0);
  assert.equal(health.factor(0), 9);
  health.better(0);
  assert.equal(health.score(0), 7);
  assert.equal(health.score(30_000), 4);
  assert.equal(health.score(1_000_000), 0);
});

test("evidence is kept of those heard last", () => {
  const evidence = new Evidence();
  for (let peer = 0; peer < limits.evidence; peer++) evidence.note(peer, peer);
  evidence.note(0, 1_000);
  evidence.note(5_000, 1_001);
  assert.equal(evidence.at(0), 1_000);
  assert.equal(evidence.at(1), Number.NEGATIVE_INFINITY);
  evidence.forget(0);
  assert.equal(evidence.at(0), Number.NEGATIVE_INFINITY);
});

test("outputs come in the order in which they went in", () => {
  const outputs = new Outputs();
  outputs.push({ type: "refuted", incarnation: 1 });
  outputs.push({ type: "refuted", incarnation: 2 });
  assert.deepEqual(outputs.take(), { type: "refuted", incarnation: 1 });
  outputs.push({ type: "refuted", incarnation: 3 });
  assert.deepEqual(
    [outputs.take(), outputs.take(), outputs.take()].map((out) => out?.type === "refuted" && out.incarnation),
    [2, 3, false],
  );
});

test("chance stays within its limit", () => {
  const chance = new Chance(new SimRandom(1));
  const drawn = new Set(Array.from({ length: 200 }, () => chance.below(4)));
  assert.deepEqual([...drawn].sort(), [0, 1, 2, 3]);
  for (let time = 0; time < 100; time++) assert.ok(chance.within(10) < 10);
});
