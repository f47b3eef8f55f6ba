/**
 * Where a broadcast frame goes from here. For every source there is a tree, its shortest paths, and all nodes that have
 * the same graph reckon the same one; a node hands a frame on to its children in the tree of the frame's source, and to
 * nobody else. No messages, no parents to ask: what differs is only how soon a node hears of a change. Until all have,
 * the rule is to send too much and not too little; that every node delivers a frame once, and a frame crosses a bounded
 * number of links, is the business of its header.
 *
 * - A tree that was in force is served for {@link BroadcastTreesOptions.settle} longer. So as long as the links last, a
 *   change of the graph loses nothing: all nodes serve the old tree until all know the new one.
 * - A neighbour whose parent in a tree is gone is served by all of its neighbours for that time, as soon as they have
 *   its next record: one message, so one round, and it has the frames again, with all that hang below it. Only where
 *   all of them hang below it themselves must the record travel on, to the first node that does not.
 * - A neighbour that the graph does not know as one is served always, and for a source that has no path to this node in
 *   the graph all are: who has just come, or is one link too many for a record, is not left out.
 * - When the graph changes so often that old trees pile up, all neighbours are served until it is calm. A member that
 *   changes its word all the time can bring that about; then a frame crosses every link, in each direction once.
 *
 * Trees do not follow every round trip that is told anew: cost is rounded to powers of two. A tree that asked its nodes
 * first, as Plumtree's, was rejected for frames: it needs state for every source at every node, and a frame that comes
 * two hundred milliseconds late by a repair is worth no more than one that is lost.
 */
import type { Millis } from "../contracts/values.ts";
import type { LinkGraph } from "./link_graph.ts";
import type { LinkTag } from "./link_tag.ts";
import { shortestPaths } from "./shortest_paths.ts";

export interface BroadcastTreesOptions {
  readonly self: LinkTag;
  /**
   * How long an old tree is served beside the new one: at least as long as a record takes to reach all. The default, 8
   * s, is that of 13 rounds of gossip with some to spare.
   */
  readonly settle?: Millis;
}

/** More old trees than this are not told apart: everybody is served. */
export const maxOldViews = 8;
const defaultSettle: Millis = 8000;

export class BroadcastTrees {
  readonly #self: LinkTag;
  readonly #settle: Millis;
  /** The one in force comes last. */
  #views: readonly View[] = [];
  /** That the one in force is made of. */
  #graph: LinkGraph | undefined;
  #neighbours: ReadonlySet<LinkTag> = new Set();
  /** Until then everybody is served. */
  #crowdedUntil: Millis = Number.NEGATIVE_INFINITY;

  constructor({ self, settle = defaultSettle }: BroadcastTreesOptions) {
    this.#self = self;
    this.#settle = settle;
  }

  /**
   * To be called when the graph has changed or a session came or went. `neighbours` are those with a direct session now;
   * the graph has this node as `OwnLinks.told` says.
   */
  update(graph: LinkGraph, neighbours: readonly LinkTag[], now: Millis): void {
    this.#neighbours = new Set(neighbours);
    // Sessions come and move far more often than there is another graph, and a view of it costs as much as all of its links.
    if (graph === this.#graph) return;
    this.#graph = graph;
    const before = this.#views.at(-1);
    const next = new View(this.#self, graph);
    if (before?.isAlike(next)) return;
    if (before !== undefined) before.until = now + this.#settle;
    const old = this.#views.filter(({ until }) => until > now);
    if (old.length > maxOldViews) this.#crowdedUntil = now + this.#settle;
    this.#views = [...old.slice(-maxOldViews), next];
  }

  /** To whom a frame of `source` goes from here, in no particular order; the one that has brought it may be among them. */
  children(source: LinkTag, now: Millis): readonly LinkTag[] {
    const current = this.#currentAt(now);
    if (source !== this.#self && current?.passesOn === false) return [];
    const others = [...this.#neighbours].filter((tag) => tag !== source);
    if (current === undefined || now < this.#crowdedUntil || !current.isReached(source)) return others;
    return others.filter((tag) =>
      !current.isLinked(tag) || this.#views.some((view) => this.#serves(view, tag, source))
    );
  }

  /** Whether the graph has a way from the source to this node; where it has none there is no tree to serve. */
  reaches(source: LinkTag, now: Millis): boolean {
    return this.#currentAt(now)?.isReached(source) === true;
  }

  /**
   * Whether this neighbour may bring a frame of the source: its parent in a tree that is in force or was lately, or
   * anybody where trees are in doubt here. Who forges a source must at least sit on the way from it.
   */
  mayBring(source: LinkTag, from: LinkTag, now: Millis): boolean {
    if (source === this.#self) return false;
    const current = this.#currentAt(now);
    if (from === source || current === undefined || now < this.#crowdedUntil) return true;
    return !current.isReached(source) || this.#views.some((view) => {
      const parent = view.ownParent(source);
      return parent !== undefined && (parent === from || !current.isLinked(parent));
    });
  }

  #currentAt(now: Millis): View | undefined {
    if (this.#views.some(({ until }) => until <= now)) {
      this.#views = this.#views.filter(({ until }) => until > now);
    }
    return this.#views.at(-1);
  }

  /** Whether the neighbour has its frames of this source from here, or by a link that is there no more. */
  #serves(view: View, neighbour: LinkTag, source: LinkTag): boolean {
    const parent = view.parentOf(neighbour, source);
    if (parent === undefined || parent === this.#self) return parent === this.#self;
    return !this.#views.at(-1)!.graph.isLinked(parent, neighbour);
  }
}

/** One graph, and what this node has asked of its trees so far. */
class View {
  /** Infinite for the one in force. */
  until: Millis = Number.POSITIVE_INFINITY;
  readonly graph: LinkGraph;
  /** Undefined before this node has told of itself. */
  readonly #self: number | undefined;
  /** Places in {@link #parents}, by neighbour. */
  readonly #neighbours: ReadonlyMap<LinkTag, number>;
  /** By source, for each neighbour of this node in this graph, and last for itself, the number of the parent, −1 for none. */
  readonly #parents = new Map<LinkTag, Int32Array | undefined>();

  constructor(self: LinkTag, graph: LinkGraph) {
    this.graph = graph.rounded();
    this.#self = graph.numberOf(self);
    const neighbours = this.#self === undefined ? [] : [...graph.neighboursOf(this.#self)];
    this.#neighbours = new Map(neighbours.map((number, place) => [graph.tags[number]!, place]));
  }

  get passesOn(): boolean {
    return this.#self === undefined || Number.isFinite(this.graph.burden[this.#self]);
  }

  isAlike(other: View): boolean {
    return this.graph.equals(other.graph);
  }

  isLinked(neighbour: LinkTag): boolean {
    return this.#neighbours.has(neighbour);
  }

  /** Whether this graph has a path from the source to this node. */
  isReached(source: LinkTag): boolean {
    return this.#parentsIn(source) !== undefined;
  }

  /** Undefined for this node's own frames, and when it is not reached. */
  ownParent(source: LinkTag): LinkTag | undefined {
    return this.#parentAt(this.#neighbours.size, source);
  }

  /** Undefined when one of them is not in this graph, or there is no path from one to the other. */
  parentOf(neighbour: LinkTag, source: LinkTag): LinkTag | undefined {
    return this.#parentAt(this.#neighbours.get(neighbour) ?? -1, source);
  }

  #parentAt(place: number, source: LinkTag): LinkTag | undefined {
    const parent = this.#parentsIn(source)?.[place];
    return parent === undefined || parent < 0 ? undefined : this.graph.tags[parent];
  }

  #parentsIn(source: LinkTag): Int32Array | undefined {
    const number = this.graph.numberOf(source);
    // Anybody can put any source into a header: only those of the graph may take memory.
    if (number === undefined || this.#self === undefined) return undefined;
    if (!this.#parents.has(source)) this.#parents.set(source, this.#findParents(number, this.#self));
    return this.#parents.get(source);
  }

  #findParents(source: number, self: number): Int32Array | undefined {
    const { parent, distance } = shortestPaths(this.graph, source);
    if (distance[self] === Number.POSITIVE_INFINITY) return undefined;
    return Int32Array.from([...this.graph.neighboursOf(self), self], (node) => parent[node]!);
  }
}
