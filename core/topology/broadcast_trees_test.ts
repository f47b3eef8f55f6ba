import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimRandom } from "../../tests/sim/random.ts";
import { chain, link, nodesOf, ring, star, tagAt, type TestLink } from "../../tests/topology/mesh_fixture.ts";
import { randomLinks, randomWillingness } from "../../tests/topology/random_mesh.ts";
import { SlowTwin } from "../../tests/topology/slow_twin.ts";
import type { RelayWillingness } from "../contracts/topology.ts";
import { BroadcastTrees, maxOldViews } from "./broadcast_trees.ts";
import { linkGraphOf } from "./link_graph.ts";

const settle = 8000;

interface Told {
  readonly count: number;
  readonly links: readonly TestLink[];
  readonly willingness?: Record<number, RelayWillingness>;
}

/** Of a node whose sessions are the links that both ends tell of, and `sessions`. */
class Bench {
  readonly #self: number;
  readonly #trees: BroadcastTrees;
  #now = 0;

  constructor(self: number, told: Told, sessions: readonly number[] = []) {
    this.#self = self;
    this.#trees = new BroadcastTrees({ self: tagAt(self) });
    this.tell(told, 0, sessions);
  }

  tell({ count, links, willingness }: Told, now = this.#now, sessions: readonly number[] = []): void {
    this.#now = now;
    const graph = linkGraphOf(nodesOf(count, links, willingness));
    const linked = [...graph.neighboursOf(this.#self)].map((number) => graph.tags[number]!);
    this.#trees.update(graph, [...linked, ...sessions.map(tagAt)], now);
  }

  children(source: number, now = this.#now): readonly number[] {
    return this.#trees.children(tagAt(source), now).map((tag) => parseInt(tag, 16)).sort((a, b) => a - b);
  }

  bringers(source: number, count: number): readonly number[] {
    const all = Array.from({ length: count }, (_, from) => from);
    return all.filter((from) => this.#trees.mayBring(tagAt(source), tagAt(from), this.#now));
  }
}

function without(links: readonly TestLink[], from: number, to: number): readonly TestLink[] {
  return links.filter((each) => each.from !== from || each.to !== to);
}

/** Classes that are powers of two: trees round to these, the twin does not. */
const even = [40, 48, 56, 64];

test("in 20,000 random graphs the children of a node are those of the slow twin, for every source", () => {
  const random = new SimRandom(91);
  for (let run = 0; run < 20_000; run++) {
    const count = 2 + random.below(6);
    const links = randomLinks(random, count, 0.5).map((each) => ({
      ...each,
      rttClass: even[random.below(4)]!,
    }));
    const told = { count, links, willingness: randomWillingness(random, count) };
    const self = random.below(count);
    const nodes = nodesOf(count, links, told.willingness);
    const twin = new SlowTwin(nodes);
    const bench = new Bench(self, told);
    for (let source = 0; source < count; source++) {
      if (twin.cost(source, self) === Infinity) continue;
      const expected = nodes.map((_, node) => node).filter((node) => twin.parent(source, node) === self);
      assert.deepEqual(bench.children(source), expected, `graph ${run}, ${source} at ${self}`);
    }
  }
}, { once: "pure, and many", on: "node" });

test("on a chain frames go away from their source, and on a star only its middle hands them on", () => {
  const middle = new Bench(2, { count: 5, links: chain(5) });
  assert.deepEqual([0, 1, 2, 3, 4].map((source) => middle.children(source)), [[3], [3], [1, 3], [1], [1]]);
  assert.deepEqual(new Bench(0, { count: 4, links: star(4) }).children(2), [1, 3]);
  assert.deepEqual(new Bench(1, { count: 4, links: star(4) }).children(2), []);
});

test("an old tree is served beside the new one until it has settled", () => {
  const far = [link(0, 1, 1), link(1, 2, 100), link(0, 2, 10)];
  const near = [link(0, 1, 1), link(1, 2, 1), link(0, 2, 10)];
  const bench = new Bench(0, { count: 3, links: far });
  assert.deepEqual(bench.children(0), [1, 2]);
  bench.tell({ count: 3, links: near }, 1000);
  assert.deepEqual(bench.children(0, 1000 + settle - 1), [1, 2]);
  assert.deepEqual(bench.children(0, 1000 + settle), [1]);
});

test("a neighbour whose parent is gone is served by all its neighbours until trees have settled", () => {
  // 3 hangs below 1; without that link it belongs to 2, since 4 is farther.
  const links = [link(0, 1), link(0, 2, 20), link(0, 4, 60), link(1, 3), link(2, 3), link(4, 3)];
  const bench = new Bench(4, { count: 5, links });
  assert.deepEqual(bench.children(0), []);
  bench.tell({ count: 5, links: without(links, 1, 3) }, 1000);
  assert.deepEqual(bench.children(0), [3]);
  assert.deepEqual(bench.children(0, 1000 + settle), []);
});

test("a frame is taken from the parent in its tree, from its source, and from anybody while the tree is in doubt", () => {
  const links = [link(0, 1), link(0, 2, 20), link(1, 3), link(2, 3), link(3, 4)];
  const told = { count: 6, links };
  const bench = new Bench(3, told);
  assert.deepEqual(bench.bringers(0, 5), [0, 1]);
  assert.deepEqual(bench.bringers(4, 5), [4]);
  assert.deepEqual(bench.bringers(3, 5), [], "its own frames come back from nobody");
  assert.deepEqual(bench.bringers(5, 5), [0, 1, 2, 3, 4], "nobody knows the way from 5");
  bench.tell({ count: 6, links: without(links, 1, 3) }, 1000);
  assert.deepEqual(bench.bringers(0, 5), [0, 1, 2, 3, 4]);
  bench.tell({ count: 6, links: without(links, 1, 3) }, 1000 + settle);
  assert.deepEqual(bench.bringers(0, 5), [0, 2]);
  bench.tell(told, 20_000);
  assert.deepEqual(bench.bringers(0, 5), [0, 1, 2], "the old parent still may, for it may not know yet");
});

test("round trips that stay between two powers of two change no tree", () => {
  const of = (first: number, second: number) => [
    { from: 0, to: 1, rttClass: first },
    { from: 1, to: 3, rttClass: first },
    { from: 0, to: 2, rttClass: second },
    { from: 2, to: 3, rttClass: second },
  ];
  const bench = new Bench(2, { count: 4, links: of(40, 47) });
  bench.tell({ count: 4, links: of(47, 40) }, 1000);
  assert.deepEqual(bench.children(0), []);
  bench.tell({ count: 4, links: of(48, 47) }, 2000);
  assert.deepEqual(bench.children(0), [3]);
});

test("a neighbour that is not in the graph, as one link too many of a hub, is served always", () => {
  const bench = new Bench(0, { count: 4, links: star(4) }, [7]);
  assert.deepEqual(bench.children(2), [1, 3, 7]);
  assert.deepEqual(bench.children(7), [1, 2, 3]);
});

test("frames of a source that the graph does not reach go to all neighbours, and back to the source never", () => {
  const parted = { count: 5, links: [link(0, 1), link(0, 2), link(3, 4)] };
  const bench = new Bench(0, parted, [4]);
  for (const source of [3, 99]) assert.deepEqual(bench.children(source), [1, 2, 4]);
  assert.deepEqual(bench.children(4), [1, 2]);
});

test("a node that never relays hands on its own frames alone, whatever is in doubt", () => {
  const told = { count: 4, links: star(4), willingness: { 0: "never" } } as const;
  const bench = new Bench(0, told, [7]);
  assert.deepEqual(bench.children(0), [1, 2, 3, 7]);
  for (const source of [1, 7, 99]) assert.deepEqual(bench.children(source), []);
});

test("a node that knows nothing yet serves whom it has a session with", () => {
  const trees = new BroadcastTrees({ self: tagAt(0) });
  assert.deepEqual(trees.children(tagAt(3), 0), []);
  trees.update(linkGraphOf([]), [tagAt(1), tagAt(2)], 0);
  assert.deepEqual(trees.children(tagAt(1), 0), [tagAt(2)]);
});

test("when more old trees pile up than are kept, all neighbours are served until it is calm", () => {
  const still = [...without(ring(6), 3, 4), link(0, 6), link(1, 6)];
  const told = (i: number) => ({ count: 7, links: [...still, link(3, 4, 2 ** i)] });
  const bench = new Bench(0, told(0));
  for (let i = 1; i <= maxOldViews; i++) bench.tell(told(i), i);
  assert.deepEqual(bench.children(1), [5]);
  bench.tell(told(0), 100);
  assert.deepEqual(bench.children(1), [5, 6]);
  assert.deepEqual(bench.children(1, 100 + settle), [5]);
});

test("sessions that come and move while the graph stays cost no other view of it", () => {
  const graph = linkGraphOf(nodesOf(2, [{ from: 0, to: 1 }]));
  const rounded = graph.rounded.bind(graph);
  let views = 0;
  graph.rounded = () => (views++, rounded());
  const trees = new BroadcastTrees({ self: tagAt(0) });
  for (let now = 0; now < 100; now++) trees.update(graph, [tagAt(1), tagAt(2 + now % 2)], now);
  assert.equal(views, 1);
  assert.deepEqual(trees.children(tagAt(0), 100), [tagAt(1), tagAt(3)]);
});
