import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimRandom } from "../../tests/sim/random.ts";
import { chain, link, nodesOf, star, tagAt, type TestLink } from "../../tests/topology/mesh_fixture.ts";
import { randomLinks, randomWillingness } from "../../tests/topology/random_mesh.ts";
import { SlowTwin } from "../../tests/topology/slow_twin.ts";
import { type GraphNode, linkGraphOf } from "./link_graph.ts";
import { type Route, RoutePlanner } from "./route_planner.ts";

/** The node's neighbours are those whom it tells of. */
function update(planner: RoutePlanner, nodes: readonly GraphNode[], self = 0): readonly string[] {
  return planner.update(linkGraphOf(nodes), nodes[self]!.links.map(({ tag }) => tag));
}

function planned(count: number, links: readonly TestLink[], self = 0): RoutePlanner {
  const planner = new RoutePlanner(tagAt(self));
  update(planner, nodesOf(count, links), self);
  return planner;
}

function told({ way, path, reason }: Route): readonly unknown[] {
  return [way, path.map((tag) => parseInt(tag, 16)).join(), reason];
}

test("in a chain of five each node is reached over those in between", () => {
  const planner = planned(5, chain(5), 1);
  assert.deepEqual([0, 1, 2, 3, 4].map((to) => told(planner.route(tagAt(to))!)), [
    ["direct", "0", "linked"],
    ["self", "", "this node"],
    ["direct", "2", "linked"],
    ["relayed", "2,3", "no link to it"],
    ["relayed", "2,3,4", "no link to it"],
  ]);
});

test("direct wins over a shorter way round", () => {
  const planner = planned(3, [link(0, 1, 100), link(0, 2, 1), link(2, 1, 1)]);
  assert.equal(planner.route(tagAt(1))?.way, "direct");
});

test("a way is kept until another is shorter by a fifth", () => {
  const square = (over1: number, over2: number) =>
    nodesOf(4, [link(0, 1, over1), link(1, 3, over1), link(0, 2, over2), link(2, 3, over2)]);
  const planner = new RoutePlanner(tagAt(0));
  update(planner, square(40, 60));
  assert.deepEqual(told(planner.route(tagAt(3))!), ["relayed", "1,3", "no link to it"]);
  assert.deepEqual(update(planner, square(50, 45)), []);
  assert.deepEqual(told(planner.route(tagAt(3))!), ["relayed", "1,3", "no link to it, and the way was kept"]);
  assert.deepEqual(update(planner, square(50, 35)), [tagAt(3)]);
  assert.deepEqual(told(planner.route(tagAt(3))!), ["relayed", "2,3", "no link to it"]);
});

test("a way whose link is gone, or whose relay refuses from now on, is left at once", () => {
  const two = [link(0, 1, 10), link(1, 3, 10), link(0, 2, 50), link(2, 3, 50)];
  const planner = new RoutePlanner(tagAt(0));
  for (
    const [nodes, path] of [
      [nodesOf(4, two), "1,3"],
      [nodesOf(4, two.toSpliced(1, 1)), "2,3"],
      [nodesOf(4, two), "1,3"],
      [nodesOf(4, two, { 1: "never" }), "2,3"],
      [nodesOf(4, two, { 1: "never", 2: "never" }), ""],
    ] as const
  ) {
    update(planner, nodes);
    assert.equal(told(planner.route(tagAt(3))!)[1], path);
  }
  assert.equal(planner.route(tagAt(3))?.reason, "none of the nodes in between passes packets on");
});

test("whoever cannot be reached has the reason told", () => {
  const links = [link(0, 1), { from: 2, to: 0, isOneSided: true }, link(3, 4)];
  const planner = planned(6, links);
  const reasons = [2, 3, 5].map((to) => planner.route(tagAt(to))?.reason);
  assert.deepEqual(reasons, [
    "no other node confirms a link to it",
    "no path to it",
    "it has told of no links",
  ]);
  assert.equal(planner.route(tagAt(9)), undefined);
});

test("a session is a way at once, before any record has it, and its end is the end of ways over it", () => {
  const planner = new RoutePlanner(tagAt(0));
  const graph = linkGraphOf(nodesOf(3, chain(3)));
  assert.deepEqual(planner.update(graph, [tagAt(1), tagAt(7)]).length, 3);
  assert.deepEqual(told(planner.route(tagAt(7))!), ["direct", "7", "linked"]);
  assert.deepEqual(told(planner.route(tagAt(2))!), ["relayed", "1,2", "no link to it"]);
  planner.update(graph, []);
  assert.equal(planner.route(tagAt(2))?.way, "unreachable");
  assert.equal(planner.route(tagAt(7)), undefined);
});

test("a node that has told nothing yet reaches those that it has sessions with", () => {
  const planner = new RoutePlanner(tagAt(5));
  planner.update(linkGraphOf(nodesOf(4, star(4))), [tagAt(0)]);
  assert.equal(planner.route(tagAt(0))?.way, "direct");
  assert.equal(planner.route(tagAt(1))?.way, "unreachable");
});

test("under random changes a way works whenever there is one, and costs at most a quarter more than the shortest", () => {
  const random = new SimRandom(71);
  for (let run = 0; run < 300; run++) {
    const planner = new RoutePlanner(tagAt(0));
    for (let step = 0; step < 10; step++) {
      const nodes = nodesOf(8, randomLinks(random, 8, 0.35), randomWillingness(random, 8));
      const graph = linkGraphOf(nodes);
      const neighbours = [...graph.neighboursOf(0)].map((number) => graph.tags[number]!);
      planner.update(graph, neighbours);
      const twin = new SlowTwin(nodes);
      for (let to = 1; to < 8; to++) {
        const { way, path, micros } = planner.route(tagAt(to))!;
        const shortest = twin.cost(0, to);
        assert.equal(way === "unreachable", shortest === Infinity);
        if (way !== "relayed") continue;
        const cost = graph.costAlong([0, ...path.map((tag) => graph.numberOf(tag)!)]);
        assert.equal(cost, micros);
        assert.ok(cost! * 0.8 <= shortest, `${cost} for ${shortest}`);
      }
    }
  }
});
