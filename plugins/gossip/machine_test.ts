/** Machines among themselves, on the network of the mesh simulator. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { Mesh } from "../../tests/mesh/mesh.ts";
import { selvageGossip } from "../../tests/mesh/selvage_gossip.ts";
import { nodeSet } from "../../tests/mesh/underlay.ts";
import type { GossipMachine } from "./machine.ts";

const kind = selvageGossip;

function meshOf(nodes: number, seed: number, loss = 0.01): Mesh {
  const mesh = new Mesh({ kind, nodes, seed, underlay: { loss }, clockDrift: 0.0005 });
  mesh.run(30_000);
  return mesh;
}

function machineOf(mesh: Mesh, node: number): GossipMachine {
  return mesh.machine(node) as unknown as GossipMachine;
}

function nodesOf(mesh: Mesh): readonly number[] {
  return Array.from({ length: mesh.nodes }, (_, node) => node).filter((node) => mesh.isRunning(node));
}

/** How many nodes links reach from the first one. */
function reach(mesh: Mesh, linksOf: (machine: GossipMachine) => readonly number[]): number {
  const [first = 0] = nodesOf(mesh);
  const seen = new Set([first]);
  for (const node of seen) for (const peer of linksOf(machineOf(mesh, node))) seen.add(peer);
  return seen.size;
}

/** Milliseconds until `holds`, at most a minute. */
function until(mesh: Mesh, holds: () => boolean): number {
  const start = mesh.now;
  return mesh.runUntil(holds, 60_000) ? mesh.now - start : Number.POSITIVE_INFINITY;
}

test("links are mutual, four to seven each, and connect all", () => {
  const mesh = meshOf(80, 1);
  mesh.run(60_000);
  let oneSided = 0;
  for (const node of nodesOf(mesh)) {
    const { neighbours } = machineOf(mesh, node);
    assert.ok(neighbours.length >= 4 && neighbours.length <= 7, `${neighbours}`);
    oneSided += neighbours.filter((peer) => !machineOf(mesh, peer).neighbours.includes(node)).length;
  }
  assert.ok(oneSided <= 2, `${oneSided}`);
  assert.equal(reach(mesh, ({ neighbours }) => neighbours), 80);
});

test("records find a tree: it spans all nodes, and has as many links as it needs", () => {
  const mesh = meshOf(80, 2, 0);
  for (let record = 0; record < 8; record++) {
    mesh.spread();
    mesh.run(2_000);
  }
  assert.equal(reach(mesh, ({ branches }) => branches), 80);
  const ends = nodesOf(mesh).reduce((sum, node) => sum + machineOf(mesh, node).branches.length, 0);
  assert.ok(ends <= 2 * 79 + 4, `${ends}`);
});

test("a crash is known to all within eight seconds, and nobody else is thought dead", () => {
  for (const nodes of [2, 3, 5, 40]) {
    const mesh = meshOf(nodes, 3);
    mesh.crash(1);
    const millis = until(mesh, () => mesh.beliefs.knownGoneBy(1) === nodes - 1);
    const limit = nodes < 5 ? 20_000 : 8_000;
    assert.ok(millis <= limit, `${nodes} nodes: ${millis} ms`);
    assert.equal(mesh.deaths.ofHealthy, 0);
  }
});

test("half of all crash at once, and the rest agrees, connected, within half a minute", () => {
  const mesh = meshOf(60, 4);
  for (let node = 0; node < 30; node++) mesh.crash(2 * node);
  assert.ok(until(mesh, () => mesh.beliefs.wrong === 0) <= 30_000);
  mesh.run(5_000);
  assert.equal(reach(mesh, ({ neighbours }) => neighbours), 30);
});

test("after a partition all agree again, and a record reaches everybody", () => {
  const mesh = meshOf(40, 5);
  const half = nodeSet(40, (node) => node % 2 === 0);
  const rest = half.map((isIn) => 1 - isIn);
  const cuts = [{ from: half, to: rest }, { from: rest, to: half }];
  for (const cut of cuts) mesh.underlay.cut(cut);
  mesh.run(40_000);
  assert.ok(mesh.beliefs.wrong > 0);
  for (const cut of cuts) mesh.underlay.mend(cut);
  assert.ok(until(mesh, () => mesh.beliefs.wrong === 0) <= 30_000);
  mesh.spread();
  assert.ok(until(mesh, () => mesh.changes.missing() === 0) <= 10_000);
});

test("a node that leaves has left for all within a second, and comes back", () => {
  const mesh = meshOf(20, 6);
  mesh.leave(3);
  mesh.run(2_500);
  assert.equal(mesh.beliefs.knownGoneBy(3), 19);
  mesh.restart(3, true);
  assert.ok(until(mesh, () => mesh.beliefs.wrong === 0) <= 10_000);
  assert.ok(machineOf(mesh, 3).incarnation > 0);
});

test("a node that starts again with nothing learns who is dead, and that it was", () => {
  const mesh = meshOf(20, 7);
  mesh.crash(3);
  mesh.crash(4);
  assert.ok(until(mesh, () => mesh.beliefs.wrong === 0) <= 20_000);
  mesh.restart(3, false);
  assert.ok(until(mesh, () => mesh.beliefs.wrong === 0) <= 40_000);
  assert.equal(machineOf(mesh, 3).stateOf(4), "dead");
});

test("a record reaches all at every loss up to a third, once each", () => {
  for (const loss of [0, 0.1, 0.33]) {
    const mesh = meshOf(40, 8, loss);
    for (let record = 0; record < 5; record++) {
      mesh.spread();
      mesh.run(3_000);
    }
    assert.ok(until(mesh, () => mesh.changes.missing() === 0) <= 15_000, `${loss}`);
    assert.equal(mesh.changes.repeated, 0);
  }
});

test("a node that hears nobody for a minute accuses nobody", () => {
  const mesh = meshOf(30, 9);
  const deaf = nodeSet(30, (node) => node === 4);
  const cut = { from: deaf.map((isIn) => 1 - isIn), to: deaf };
  mesh.underlay.cut(cut);
  mesh.run(60_000);
  for (const node of nodesOf(mesh)) if (node !== 4) assert.equal(mesh.beliefs.knownGoneBy(node), 0);
  mesh.underlay.mend(cut);
  assert.ok(until(mesh, () => mesh.beliefs.wrong === 0) <= 30_000);
});

test("one seed is one run", () => {
  const digests = [1, 2].map(() => {
    const mesh = meshOf(20, 10, 0.05);
    mesh.crash(5);
    mesh.run(10_000);
    return mesh.traffic.rates(mesh.now);
  });
  assert.deepEqual(digests[0], digests[1]);
});
