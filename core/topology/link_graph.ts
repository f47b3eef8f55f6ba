/**
 * The mesh as link records describe it. A link counts if both of its ends tell of it: what one end has lost is lost,
 * before the other has noticed, and nobody can make himself a neighbour of others.
 *
 * Nodes are numbered in the order of their tags, and links lie in rows of typed arrays, so that the same records make the
 * same graph on every node. It never changes: a change makes a new one, which at 500 nodes costs less than to keep one
 * up to date in place would cost in doubt.
 */
import type { RelayWillingness } from "../contracts/topology.ts";
import type { ToldLink } from "./link_record.ts";
import { compareTags, type LinkTag } from "./link_tag.ts";
import { microsOf } from "./rtt_class.ts";

/** What the graph needs of a {@link LinkRecord}. */
export interface GraphNode {
  readonly tag: LinkTag;
  readonly willingness: RelayWillingness;
  /** Ascending by tag. */
  readonly links: readonly ToldLink[];
}

/** What a relay costs beside the way there: its host has other work to do. `never` stands for no way at all. */
const burdens: Readonly<Record<RelayWillingness, number>> = {
  always: 0,
  willing: 1000,
  never: Number.POSITIVE_INFINITY,
};
/** A link that neither end has measured, in µs: farther than most that are measured, nearer than none. */
const unmeasuredMicros = 250_000;

/** Rows of neighbours: those of node `i` lie from `first[i]` up to `first[i + 1]`, ascending. */
interface Rows {
  readonly first: Int32Array;
  readonly to: Int32Array;
  /** Class of the round trip, by the teller. */
  readonly rttClass: Uint8Array;
}

/** The arrays of a graph: rows of neighbours as {@link Rows}, and what is known of each node. */
interface GraphParts {
  /** Ascending; the place of a tag is the number of its node. */
  readonly tags: readonly LinkTag[];
  /** What passing through a node costs, µs; infinite for one that passes nothing on. */
  readonly burden: Float64Array;
  /** How many links each node tells of, confirmed or not. */
  readonly told: Int32Array;
  readonly first: Int32Array;
  readonly to: Int32Array;
  /** Of each link in `to`, µs; the same in both directions: the greater of what its ends tell. */
  readonly cost: Float64Array;
}

/** Of two nodes with one tag the first counts. */
export function linkGraphOf(nodes: Iterable<GraphNode>): LinkGraph {
  const sorted = [...nodes].sort((left, right) => compareTags(left.tag, right.tag))
    .filter(({ tag }, index, all) => index === 0 || all[index - 1]!.tag !== tag);
  const tags = sorted.map(({ tag }) => tag);
  const numbers = new Map(tags.map((tag, number) => [tag, number]));
  return new LinkGraph({
    tags,
    burden: Float64Array.from(sorted, ({ willingness }) => burdens[willingness]),
    told: Int32Array.from(sorted, ({ links }) => links.length),
    ...bothWays(toldRows(sorted, numbers)),
  }, numbers);
}

export class LinkGraph implements GraphParts {
  readonly tags: readonly LinkTag[];
  readonly burden: Float64Array;
  readonly told: Int32Array;
  readonly first: Int32Array;
  readonly to: Int32Array;
  readonly cost: Float64Array;
  readonly #numbers: ReadonlyMap<LinkTag, number>;

  /** See {@link linkGraphOf}; `numbers` has the place of each tag. */
  constructor(parts: GraphParts, numbers: ReadonlyMap<LinkTag, number>) {
    this.tags = parts.tags;
    this.burden = parts.burden;
    this.told = parts.told;
    this.first = parts.first;
    this.to = parts.to;
    this.cost = parts.cost;
    this.#numbers = numbers;
  }

  get size(): number {
    return this.tags.length;
  }

  /** The number of a node; undefined for one that has told nothing. */
  numberOf(tag: LinkTag): number | undefined {
    return this.#numbers.get(tag);
  }

  /** µs; undefined where there is no link. */
  costBetween(left: number, right: number): number | undefined {
    const at = findInRow(this, left, right);
    return at < 0 ? undefined : this.cost[at]!;
  }

  /** Whether both tell of a link with each other. */
  isLinked(left: LinkTag, right: LinkTag): boolean {
    const [from, to] = [this.#numbers.get(left), this.#numbers.get(right)];
    return from !== undefined && to !== undefined && findInRow(this, from, to) >= 0;
  }

  /** µs along a path of numbers, with the burden of those in between; undefined if a link is gone or one passes nothing on. */
  costAlong(path: readonly number[]): number | undefined {
    let sum = 0;
    for (let i = 1; i < path.length; i++) {
      const link = this.costBetween(path[i - 1]!, path[i]!);
      if (link === undefined) return undefined;
      sum += link + (i > 1 ? this.burden[path[i - 1]!]! : 0);
    }
    return sum === Number.POSITIVE_INFINITY ? undefined : sum;
  }

  /** All that hang together with a node by links, whoever passes packets on; a set of numbers. */
  connectedTo(number: number): ReadonlySet<number> {
    const found = new Set([number]);
    for (const node of found) for (const next of this.neighboursOf(node)) found.add(next);
    return found;
  }

  /** The same links, their costs rounded down to a power of two: what follows from it changes seldom. */
  rounded(): LinkGraph {
    return new LinkGraph({ ...this, cost: this.cost.map(powerBelow) }, this.#numbers);
  }

  /** Whether all paths and trees are the same in both. */
  equals(other: LinkGraph): boolean {
    return sameItems(this.tags, other.tags) && sameItems(this.first, other.first) &&
      sameItems(this.to, other.to) && sameItems(this.cost, other.cost) &&
      sameItems(this.burden, other.burden);
  }

  /** Neighbours of a node, ascending. */
  neighboursOf(number: number): Int32Array {
    return this.to.subarray(this.first[number], this.first[number + 1]);
  }
}

/** What each node tells of nodes that are known. */
function toldRows(nodes: readonly GraphNode[], numbers: ReadonlyMap<LinkTag, number>): Rows {
  const total = nodes.reduce((sum, { links }) => sum + links.length, 0);
  const rows = {
    first: new Int32Array(nodes.length + 1),
    to: new Int32Array(total),
    rttClass: new Uint8Array(total),
  };
  let at = 0;
  for (const [number, { links }] of nodes.entries()) {
    for (const { tag, rttClass } of links) {
      const to = numbers.get(tag);
      if (to === undefined || to === number) continue;
      rows.to[at] = to;
      rows.rttClass[at++] = rttClass;
    }
    rows.first[number + 1] = at;
  }
  return rows;
}

/** The links that both ends tell. Rows ascend since those of the tellers do. */
function bothWays(told: Rows): Pick<GraphParts, "first" | "to" | "cost"> {
  const nodes = told.first.length - 1;
  const links = {
    first: new Int32Array(nodes + 1),
    to: new Int32Array(told.to.length),
    cost: new Float64Array(told.to.length),
  };
  let at = 0;
  for (let from = 0; from < nodes; from++) {
    for (let i = told.first[from]!; i < told.first[from + 1]!; i++) {
      const to = told.to[i]!;
      const back = findInRow(told, to, from);
      if (back < 0) continue;
      links.to[at] = to;
      links.cost[at++] = costOf(told.rttClass[i]!, told.rttClass[back]!);
    }
    links.first[from + 1] = at;
  }
  return { first: links.first, to: links.to.slice(0, at), cost: links.cost.slice(0, at) };
}

/** The greater one: a node can make its links look longer than they are, and never shorter. */
function costOf(there: number, back: number): number {
  const [left, right] = [microsOf(there), microsOf(back)];
  if (left === undefined) return right ?? unmeasuredMicros;
  return right === undefined ? left : Math.max(left, right);
}

function findInRow({ first, to }: Pick<Rows, "first" | "to">, row: number, wanted: number): number {
  let low = first[row]!;
  let high = first[row + 1]! - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const found = to[middle]!;
    if (found === wanted) return middle;
    if (found < wanted) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/** The greatest power of two that is not above; exact, since whatever a class stands for is a whole number. */
function powerBelow(micros: number): number {
  let power = 1;
  while (2 * power <= micros) power *= 2;
  return power;
}

function sameItems(left: ArrayLike<unknown>, right: ArrayLike<unknown>): boolean {
  if (left.length !== right.length) return false;
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return false;
  return true;
}
