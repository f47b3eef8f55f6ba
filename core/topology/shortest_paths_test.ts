import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimRandom } from "../../tests/sim/random.ts";
import { chain, link, nodesOf, ring, star } from "../../tests/topology/mesh_fixture.ts";
import { randomLinks, randomMesh, randomWillingness } from "../../tests/topology/random_mesh.ts";
import { SlowTwin } from "../../tests/topology/slow_twin.ts";
import { type GraphNode, linkGraphOf } from "./link_graph.ts";
import { pathTo, type PathTree, shortestPaths } from "./shortest_paths.ts";

function treeOf(nodes: readonly GraphNode[], source: number): PathTree {
  return shortestPaths(linkGraphOf(nodes), source);
}

function assertTwin(nodes: readonly GraphNode[], sources: readonly number[], what: string): void {
  const twin = new SlowTwin(nodes);
  for (const source of sources) {
    const { distance, hops, parent } = treeOf(nodes, source);
    for (let node = 0; node < nodes.length; node++) {
      const cost = twin.cost(source, node);
      const expected = [cost, cost === Infinity ? 0 : twin.hops(source, node), twin.parent(source, node)];
      if (distance[node] === expected[0] && hops[node] === expected[1] && parent[node] === expected[2]) {
        continue;
      }
      assert.deepEqual([distance[node], hops[node], parent[node]], expected, `${what}, ${source} to ${node}`);
    }
  }
}

test(
  "in 100,000 random graphs every path, its length and the tree's parents are those of the slow twin",
  () => {
    const random = new SimRandom(61);
    for (let run = 0; run < 100_000; run++) {
      const count = 2 + random.below(7);
      const links = randomLinks(random, count, 0.2 + 0.6 * random.float());
      const nodes = nodesOf(count, links, randomWillingness(random, count));
      assertTwin(nodes, [random.below(count)], `graph ${run}`);
    }
  },
  { once: "pure, and many", on: "node" },
);

test("in meshes of 60 nodes all trees are those of the slow twin", () => {
  const random = new SimRandom(62);
  for (let run = 0; run < 5; run++) {
    const nodes = nodesOf(60, randomMesh(random, 60, 5), randomWillingness(random, 60));
    assertTwin(nodes, Array.from({ length: 60 }, (_, i) => i), `mesh ${run}`);
  }
});

test("a chain of five is walked from end to end, and each node in between adds its burden", () => {
  const tree = treeOf(nodesOf(5, chain(5)), 0);
  assert.deepEqual(pathTo(tree, 4), [0, 1, 2, 3, 4]);
  const one = tree.distance[1]!;
  assert.equal(tree.distance[4], 4 * one + 3 * 1000);
});

test("in a ring the shorter way round is taken, and of two equal ones that over the lower tag", () => {
  const tree = treeOf(nodesOf(6, ring(6)), 0);
  assert.deepEqual(pathTo(tree, 2), [0, 1, 2]);
  assert.deepEqual(pathTo(tree, 4), [0, 5, 4]);
  assert.deepEqual(pathTo(tree, 3), [0, 1, 2, 3]);
});

test("leaves of a star reach each other over its middle, and not at all if that passes nothing on", () => {
  assert.deepEqual(pathTo(treeOf(nodesOf(4, star(4)), 1), 3), [1, 0, 3]);
  const silent = treeOf(nodesOf(4, star(4), { 0: "never" }), 1);
  assert.deepEqual(pathTo(silent, 3), []);
  assert.deepEqual(pathTo(silent, 0), [1, 0]);
  assert.deepEqual(pathTo(treeOf(nodesOf(4, star(4), { 0: "never" }), 0), 3), [0, 3]);
});

test("there is no path into another partition, nor over a link that one end alone tells of", () => {
  const parted = nodesOf(5, [link(0, 1), link(2, 3), { from: 1, to: 2, isOneSided: true }]);
  const tree = treeOf(parted, 0);
  assert.deepEqual([...tree.distance].map(Number.isFinite), [true, true, false, false, false]);
  assert.deepEqual(pathTo(tree, 3), []);
});
