/**
 * Shortest paths from one node to all others (Dijkstra 1959), with the burden of every node that is passed through.
 *
 * Of several shortest paths the one with the fewest links counts, and of those the one whose last node before the end
 * has the lowest tag. All links cost something, so these rules alone decide: whoever has the same graph finds the same
 * tree, in whatever order a heap gives out what is equally far. Costs are whole microseconds, of which a Float64 adds up
 * far more than there can be without rounding.
 */
import type { LinkGraph } from "./link_graph.ts";

export interface PathTree {
  readonly source: number;
  /** µs; infinite for what cannot be reached. */
  readonly distance: Float64Array;
  readonly hops: Int32Array;
  /** The node before it; −1 for the source and for what cannot be reached. */
  readonly parent: Int32Array;
}

export function shortestPaths(graph: LinkGraph, source: number): PathTree {
  const { size, first, to, cost, burden } = graph;
  const tree: PathTree = {
    source,
    distance: new Float64Array(size).fill(Number.POSITIVE_INFINITY),
    hops: new Int32Array(size),
    parent: new Int32Array(size).fill(-1),
  };
  const { distance, hops, parent } = tree;
  const heap = new NearestFirst(distance);
  distance[source] = 0;
  heap.put(source);
  for (let node = heap.take(); node >= 0; node = heap.take()) {
    const left = distance[node]! + (node === source ? 0 : burden[node]!);
    if (left === Number.POSITIVE_INFINITY) continue;
    const reached = hops[node]! + 1;
    for (let i = first[node]!; i < first[node + 1]!; i++) {
      const next = to[i]!;
      const length = left + cost[i]!;
      if (length > distance[next]! || next === source) continue;
      if (length === distance[next]! && !isBetter(reached, node, hops[next]!, parent[next]!)) continue;
      distance[next] = length;
      hops[next] = reached;
      parent[next] = node;
      heap.put(next);
    }
  }
  return tree;
}

function isBetter(hops: number, parent: number, otherHops: number, otherParent: number): boolean {
  return hops < otherHops || (hops === otherHops && parent < otherParent);
}

/** From the source to `node`, both included; empty for what cannot be reached. */
export function pathTo({ source, parent, distance }: PathTree, node: number): readonly number[] {
  if (distance[node] === Number.POSITIVE_INFINITY) return [];
  const path = [node];
  for (let at = node; at !== source;) path.push(at = parent[at]!);
  return path.reverse();
}

/** A binary heap of node numbers by distance, each at most once: a nearer one moves up where it is. */
class NearestFirst {
  readonly #distance: Float64Array;
  readonly #heap: Int32Array;
  /** Place in the heap, −1 when not in it. */
  readonly #place: Int32Array;
  #count = 0;

  constructor(distance: Float64Array) {
    this.#distance = distance;
    this.#heap = new Int32Array(distance.length);
    this.#place = new Int32Array(distance.length).fill(-1);
  }

  /** To be called again when the distance of a node has become less. */
  put(node: number): void {
    if (this.#place[node]! < 0) this.#set(this.#count++, node);
    this.#up(this.#place[node]!);
  }

  /** −1 when there is none left. */
  take(): number {
    if (this.#count === 0) return -1;
    const nearest = this.#heap[0]!;
    this.#place[nearest] = -1;
    const last = this.#heap[--this.#count]!;
    if (this.#count > 0) {
      this.#set(0, last);
      this.#down();
    }
    return nearest;
  }

  #up(place: number): void {
    const node = this.#heap[place]!;
    let at = place;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (this.#distanceAt(above) <= this.#distance[node]!) break;
      this.#set(at, this.#heap[above]!);
      at = above;
    }
    this.#set(at, node);
  }

  #down(): void {
    const node = this.#heap[0]!;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= this.#count) break;
      if (below + 1 < this.#count && this.#distanceAt(below + 1) < this.#distanceAt(below)) below++;
      if (this.#distanceAt(below) >= this.#distance[node]!) break;
      this.#set(at, this.#heap[below]!);
      at = below;
    }
    this.#set(at, node);
  }

  #distanceAt(place: number): number {
    return this.#distance[this.#heap[place]!]!;
  }

  #set(place: number, node: number): void {
    this.#heap[place] = node;
    this.#place[node] = place;
  }
}
