/** What a change costs a node in the greatest mesh that link state covers. */
import assert from "node:assert/strict";
import { BroadcastTrees } from "../../core/topology/broadcast_trees.ts";
import { meshScopeUpTo } from "../../core/topology/link_scope.ts";
import { type GraphNode, linkGraphOf } from "../../core/topology/link_graph.ts";
import { RoutePlanner } from "../../core/topology/route_planner.ts";
import { shortestPaths } from "../../core/topology/shortest_paths.ts";
import { test } from "../harness.ts";
import { SimRandom } from "../sim/random.ts";
import { nodesOf, tagAt } from "./mesh_fixture.ts";
import { randomMesh } from "./random_mesh.ts";

const nodes: readonly GraphNode[] = nodesOf(meshScopeUpTo, randomMesh(new SimRandom(7), meshScopeUpTo, 7));
const neighbours = nodes[0]!.links.map(({ tag }) => tag);

/** Milliseconds of the fastest of many runs: what the work takes while nobody else has the processor. */
function fastest(run: (round: number) => void): number {
  const times = Array.from({ length: 60 }, (_, round) => {
    const began = performance.now();
    run(round);
    return performance.now() - began;
  });
  return Math.min(...times);
}

test("at 500 nodes of degree 7 shortest paths, graph and all routes take less than 5 ms", () => {
  const planner = new RoutePlanner(tagAt(0));
  const graph = linkGraphOf(nodes);
  const paths = fastest((round) => shortestPaths(graph, round));
  const whole = fastest(() => planner.update(linkGraphOf(nodes), neighbours));
  assert.equal(planner.routes().size, meshScopeUpTo);
  assert.ok(paths < 1, `shortest paths ${paths} ms`);
  assert.ok(whole < 5, `graph and routes ${whole} ms`);
});

test("at 500 nodes the tree of a source is there in less than 5 ms after a change, and then for nothing", () => {
  const trees = new BroadcastTrees({ self: tagAt(0) });
  const first = fastest((round) => {
    const [node] = nodes;
    const changed = {
      ...node!,
      links: node!.links.map((each) => ({ ...each, rttClass: 40 + 8 * (round % 8) })),
    };
    trees.update(linkGraphOf([changed, ...nodes.slice(1)]), neighbours, round * 10_000);
    trees.children(tagAt(99), round * 10_000);
  });
  const again = fastest(() => {
    for (let i = 0; i < 100; i++) trees.children(tagAt(99), 600_000);
  }) / 100;
  assert.ok(first < 5, `after a change ${first} ms`);
  assert.ok(again < 0.1, `then ${again} ms`);
});
