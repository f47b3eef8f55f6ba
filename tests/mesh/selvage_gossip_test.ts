import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { withLiars } from "./liar.ts";
import { measureDetection } from "./measures.ts";
import { expel } from "./membership.ts";
import { Mesh } from "./mesh.ts";
import { measureRecovery, mostHealing } from "./recovery.ts";
import { selvageGossip as kind } from "./selvage_gossip.ts";
import { swizzleMesh } from "./swizzle.ts";

test("a mesh of five knows of a crash within the time that a hundred have", () => {
  const { median, unknown } = measureDetection({ kind, nodes: 5, seed: 1, loss: 0.01 }, 8);
  assert.equal(unknown, 0);
  assert.ok(median <= 8_000, `${median} ms`);
});

const great = [
  "half of all crash at once",
  "halves that do not reach each other for 30 s",
  "a fifth joins within ten seconds",
  "a tenth is revoked, and does not stop to talk",
];
for (const name of great) {
  test(`of one mind within half a minute after: ${name}`, () => {
    const { agreed, reached, notes } = measureRecovery({ kind, nodes: 60, seed: 2 }, name);
    assert.ok(agreed <= mostHealing && reached <= mostHealing, `${agreed} ms, ${reached} ms: ${notes}`);
  });
}

test("a random run is the same again from its seed", () => {
  const options = { kind, seed: 3, nodes: 12, operations: 60 };
  const [first, again] = [swizzleMesh(options), swizzleMesh(options)];
  assert.deepEqual(first, again);
  assert.notEqual(swizzleMesh({ ...options, seed: 4 }).traceHash, first.traceHash);
});

test("what a liar has done to others is undone within half a minute after it was revoked", () => {
  const mesh = new Mesh({ kind: withLiars(1), nodes: 40, seed: 5, underlay: { loss: 0.01 } });
  mesh.run(60_000);
  expel(mesh, 0);
  mesh.run(mostHealing);
  assert.deepEqual([...mesh.beliefs.wrongPairs()], []);
});
