/**
 * What the graph, the paths and the trees are to be, in the plainest words: sets of pairs, Floyd's algorithm (1962), and
 * the rule of parents as it is written. Slow, and obvious.
 */
import type { GraphNode } from "../../core/topology/link_graph.ts";
import { microsOf } from "../../core/topology/rtt_class.ts";

const burdens = { always: 0, willing: 1000, never: Number.POSITIVE_INFINITY };

export class SlowTwin {
  readonly #nodes: readonly GraphNode[];
  /** Of the link between two nodes, infinite without one. */
  readonly #cost: readonly (readonly number[])[];
  /** The least number of links among the shortest paths, and the cost of those. */
  readonly #best: readonly (readonly { cost: number; hops: number }[])[];

  /** `nodes` ascending by tag, so that a place is a number. */
  constructor(nodes: readonly GraphNode[]) {
    this.#nodes = nodes;
    this.#cost = nodes.map((from) => nodes.map((to) => costOf(from, to)));
    this.#best = this.#floyd();
  }

  cost(from: number, to: number): number {
    return this.#best[from]![to]!.cost;
  }

  hops(from: number, to: number): number {
    return this.#best[from]![to]!.hops;
  }

  /** −1 for the source and for what cannot be reached. */
  parent(source: number, node: number): number {
    if (node === source || this.cost(source, node) === Number.POSITIVE_INFINITY) return -1;
    return this.#nodes.findIndex((_, candidate) => {
      const link = this.#cost[candidate]![node]!;
      const left = this.cost(source, candidate) + this.#burden(candidate, source);
      return candidate !== node && left + link === this.cost(source, node) &&
        this.hops(source, candidate) + 1 === this.hops(source, node);
    });
  }

  #burden(node: number, end: number): number {
    return node === end ? 0 : burdens[this.#nodes[node]!.willingness];
  }

  #floyd(): { cost: number; hops: number }[][] {
    const best = this.#cost.map((row, from) =>
      row.map((cost, to) => from === to ? { cost: 0, hops: 0 } : { cost, hops: 1 })
    );
    for (let middle = 0; middle < best.length; middle++) {
      for (let from = 0; from < best.length; from++) {
        for (let to = 0; to < best.length; to++) {
          if (middle === from || middle === to || from === to) continue;
          const [there, on, held] = [best[from]![middle]!, best[middle]![to]!, best[from]![to]!];
          const cost = there.cost + this.#burden(middle, from) + on.cost;
          const hops = there.hops + on.hops;
          if (cost < held.cost || (cost === held.cost && hops < held.hops)) best[from]![to] = { cost, hops };
        }
      }
    }
    return best;
  }
}

function costOf(from: GraphNode, to: GraphNode): number {
  const there = from.links.find(({ tag }) => tag === to.tag);
  const back = to.links.find(({ tag }) => tag === from.tag);
  if (there === undefined || back === undefined) return Number.POSITIVE_INFINITY;
  const known = [there, back].map(({ rttClass }) => microsOf(rttClass)).filter((micros) =>
    micros !== undefined
  );
  return known.length === 0 ? 250_000 : Math.max(...known);
}
