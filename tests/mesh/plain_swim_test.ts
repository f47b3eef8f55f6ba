import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { measureControl, measureDetection, measureFalseDeaths } from "./measures.ts";
import { Mesh } from "./mesh.ts";
import { plainSwim } from "./plain_swim.ts";
import { measureRecovery } from "./recovery.ts";
import { swizzleMesh } from "./swizzle.ts";

const nodes = 50;
const trial = { kind: plainSwim, nodes, seed: 1, loss: 0.01 };

test("a crash is known by all after a probe and a suspicion, as the timers have it", () => {
  const { median, unknown } = measureDetection(trial, 6);
  assert.equal(unknown, 0);
  // At least the suspicion; at most two periods until the first probe, the probe, the suspicion, the spread.
  const suspicion = 4_000 * Math.log10(nodes);
  assert.ok(median > suspicion && median < suspicion + 5_000, `${median} ms`);
});

test("a change spreads within the rounds of the published model, and by pushing alone some node may miss it", () => {
  const { rounds, missing } = measureControl({ ...trial, loss: 0.1 }, 20);
  assert.ok(missing <= 2, `${missing} of ${20 * nodes}`);
  assert.ok(rounds.p99 <= 8, `${rounds.p99} rounds`);
});

test("nodes that pause are declared dead though they live: what the baseline is there to show", () => {
  const { ofWoken, ofHealthy } = measureFalseDeaths(trial, 20, true);
  assert.ok(ofWoken + ofHealthy > 2, `${ofWoken} and ${ofHealthy}`);
});

test("a run has the same trace on every runtime", () => {
  const mesh = new Mesh({
    kind: plainSwim,
    nodes,
    seed: 7,
    clockDrift: 0.1,
    underlay: {
      loss: 0.05,
      duplicate: 0.1,
      reorder: 0.1,
      burst: { enter: 0.01, leave: 0.2, loss: 0.9 },
    },
  });
  mesh.after(10_000, () => mesh.crash(3));
  mesh.after(12_000, () => mesh.pause(4, 7_000));
  mesh.after(30_000, () => mesh.restart(3, true));
  mesh.after(31_000, () => mesh.spread(5));
  mesh.run(60_000);
  assert.equal(mesh.trace.digest(), "73dd190567f1e607");
});

test("a mesh that does not become one again is seen: the baseline calls no dead, so its halves stay apart", () => {
  const name = "halves that do not reach each other for 30 s";
  const { agreed, reached, notes } = measureRecovery({ kind: plainSwim, nodes: 20, seed: 1 }, name);
  assert.equal(agreed, Number.POSITIVE_INFINITY);
  assert.equal(reached, Number.POSITIVE_INFINITY);
  assert.match(notes[0]!, /^\d+ holds \d+ for dead$/);
});

test("a swizzle that ends in disagreement throws its seed and its story", () => {
  const broken = () => swizzleMesh({ kind: plainSwim, seed: 1, nodes: 11, operations: 100 });
  assert.throws(broken, /seed 1, 11 nodes: half a minute after the last heal 0 holds[^]*healed: /);
});
