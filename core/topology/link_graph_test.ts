import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimRandom } from "../../tests/sim/random.ts";
import { link, nodesOf, star, tagAt } from "../../tests/topology/mesh_fixture.ts";
import { randomLinks } from "../../tests/topology/random_mesh.ts";
import { linkGraphOf } from "./link_graph.ts";
import { microsOf, rttClassOf, unmeasured } from "./rtt_class.ts";

test("a link counts if both ends tell of it, and costs what the one that is told farther says", () => {
  const [near, far] = [rttClassOf(3), rttClassOf(30)];
  const nodes = nodesOf(4, [
    { from: 0, to: 1, rttClass: near, isOneSided: true },
    { from: 1, to: 0, rttClass: far, isOneSided: true },
    { from: 1, to: 2, isOneSided: true },
    { from: 2, to: 3, rttClass: unmeasured, isOneSided: true },
    { from: 3, to: 2, rttClass: near, isOneSided: true },
  ]);
  const graph = linkGraphOf(nodes);
  assert.equal(graph.costBetween(0, 1), microsOf(far));
  assert.equal(graph.costBetween(1, 0), microsOf(far));
  assert.equal(graph.isLinked(tagAt(1), tagAt(2)), false);
  assert.equal(graph.costBetween(2, 3), microsOf(near), "one measurement is better than none");
  assert.deepEqual([...graph.told], [1, 2, 1, 1]);
});

test("a link that nobody has measured is farther than most, and still a link", () => {
  const graph = linkGraphOf(nodesOf(2, [{ from: 0, to: 1, rttClass: unmeasured }]));
  assert.equal(graph.costBetween(0, 1), 250_000);
});

test("the graph does not depend on the order of the records, and links to nodes without one are left out", () => {
  const random = new SimRandom(5);
  for (let run = 0; run < 200; run++) {
    const nodes = nodesOf(8, randomLinks(random, 8, 0.5));
    const absent = nodes.filter(() => random.chance(0.8));
    assert.ok(linkGraphOf(absent).equals(linkGraphOf(absent.toReversed())));
    for (const [row, { tag, links }] of absent.entries()) {
      const expected = absent.filter((other) =>
        links.some((each) => each.tag === other.tag) && other.links.some((each) => each.tag === tag)
      );
      const graph = linkGraphOf(absent);
      assert.deepEqual(
        [...graph.neighboursOf(row)].map((to) => graph.tags[to]),
        expected.map((each) => each.tag),
      );
    }
  }
});

test("two nodes that claim one tag make one node, and a node is no neighbour of itself", () => {
  const [node] = nodesOf(2, [link(0, 1)]);
  const itself = { ...node!, links: [{ tag: node!.tag, rttClass: 40, flags: 0 }] };
  const graph = linkGraphOf([itself, node!]);
  assert.equal(graph.size, 1);
  assert.deepEqual([...graph.neighboursOf(0)], []);
});

test("rounded graphs are equal unless a round trip has crossed a power of two", () => {
  const [base, nearby, far] = [40, 41, 56].map((rttClass) =>
    linkGraphOf(nodesOf(2, [{ from: 0, to: 1, rttClass }]))
  );
  assert.equal(base!.equals(nearby!), false);
  assert.ok(base!.rounded().equals(nearby!.rounded()));
  assert.equal(base!.rounded().equals(far!.rounded()), false);
});

test("what hangs together is found whoever passes packets on, and a path costs its links and those in between", () => {
  const graph = linkGraphOf(nodesOf(6, [...star(4), link(4, 5)], { 0: "never" }));
  assert.deepEqual([...graph.connectedTo(1)].sort(), [0, 1, 2, 3]);
  assert.equal(graph.costAlong([1, 0, 2]), undefined);
  assert.equal(graph.costAlong([1, 2]), undefined);
  const open = linkGraphOf(nodesOf(4, star(4)));
  assert.equal(open.costAlong([1, 0, 2]), 2 * open.costBetween(0, 1)! + 1000);
  assert.equal(
    linkGraphOf(nodesOf(4, star(4), { 0: "always" })).costAlong([1, 0, 2]),
    2 * open.costBetween(0, 1)!,
  );
});
