/**
 * Which way packets leave a node for each other one: direct where there is a session, else the shortest path over nodes
 * that pass on, nearest by measured round trip.
 *
 * A way that works is kept until it is gone, a direct one has come, or another is shorter by a fifth: two ways that are
 * about as good must not take turns. The whole path is the sender's choice: what is chosen here with memory cannot be
 * chosen hop by hop, for two nodes that remember differently would send a packet back and forth.
 *
 * Direct also wins over a shorter way round. A relay's host pays for what it carries, and it is one more that can fail.
 */
import type { WayKind } from "../contracts/topology.ts";
import type { LinkGraph } from "./link_graph.ts";
import type { LinkTag } from "./link_tag.ts";
import { pathTo, type PathTree, shortestPaths } from "./shortest_paths.ts";

export type RouteReason =
  | "this node"
  | "linked"
  | "no link to it"
  | "no link to it, and the way was kept"
  | "it has told of no links"
  | "no other node confirms a link to it"
  | "no path to it"
  | "none of the nodes in between passes packets on";

export interface Route {
  readonly way: WayKind;
  /** From the first node after this one to the destination; empty for this node itself and without a way. */
  readonly path: readonly LinkTag[];
  /** Round trip by the links' sum and relays' burden, µs; infinite without a way, or if a direct link is not told yet. */
  readonly micros: number;
  readonly reason: RouteReason;
}

/** A new path is taken if it costs at most this much of the one in use. */
const enoughBetter = 0.8;

export class RoutePlanner {
  readonly #self: LinkTag;
  #routes: ReadonlyMap<LinkTag, Route> = new Map();

  constructor(self: LinkTag) {
    this.#self = self;
  }

  /** Undefined for a node that has told nothing and has no session with this one. */
  route(to: LinkTag): Route | undefined {
    return this.#routes.get(to);
  }

  routes(): ReadonlyMap<LinkTag, Route> {
    return this.#routes;
  }

  /**
   * To be called when the graph has changed or a session came or went; `neighbours` are those with a direct session now:
   * a link of this node to any other is not used, whatever the graph has. The result is to whom the path is another one, or gone.
   */
  update(graph: LinkGraph, neighbours: readonly LinkTag[]): readonly LinkTag[] {
    const before = this.#routes;
    this.#routes = this.#plan(graph, new Set(neighbours));
    const all = new Set([...before.keys(), ...this.#routes.keys()]);
    return [...all].filter((tag) => !isSamePath(before.get(tag), this.#routes.get(tag)));
  }

  #plan(graph: LinkGraph, neighbours: ReadonlySet<LinkTag>): ReadonlyMap<LinkTag, Route> {
    const self = graph.numberOf(this.#self);
    const view = self === undefined ? undefined : new View(graph, self, neighbours);
    const routes = new Map<LinkTag, Route>();
    for (const tag of graph.tags) routes.set(tag, view?.wayTo(tag, this.#routes.get(tag)) ?? noWay);
    for (const tag of neighbours) routes.set(tag, view?.direct(tag) ?? directTo(tag, undefined));
    routes.set(this.#self, { way: "self", path: [], micros: 0, reason: "this node" });
    return routes;
  }
}

/** A graph as it is seen from one of its nodes. */
class View {
  readonly #graph: LinkGraph;
  readonly #self: number;
  readonly #neighbours: ReadonlySet<LinkTag>;
  readonly #tree: PathTree;
  #connected: ReadonlySet<number> | undefined;

  constructor(graph: LinkGraph, self: number, neighbours: ReadonlySet<LinkTag>) {
    this.#graph = graph;
    this.#self = self;
    this.#neighbours = neighbours;
    this.#tree = shortestPaths(graph, self);
  }

  direct(tag: LinkTag): Route {
    const number = this.#graph.numberOf(tag);
    return directTo(tag, number === undefined ? undefined : this.#graph.costBetween(this.#self, number));
  }

  /** To one of the graph's nodes that is no neighbour. */
  wayTo(tag: LinkTag, before: Route | undefined): Route {
    const number = this.#graph.numberOf(tag)!;
    const shortest = pathTo(this.#tree, number).slice(1).map((each) => this.#graph.tags[each]!);
    const isUsable = shortest.length > 0 && this.#neighbours.has(shortest[0]!);
    const kept = before?.way === "relayed" ? this.#costOf(before.path) : undefined;
    const micros = this.#tree.distance[number]!;
    if (kept !== undefined && (!isUsable || kept === micros || micros > kept * enoughBetter)) {
      return {
        way: "relayed",
        path: before!.path,
        micros: kept,
        reason: kept > micros ? "no link to it, and the way was kept" : "no link to it",
      };
    }
    if (isUsable) return { way: "relayed", path: shortest, micros, reason: "no link to it" };
    return { ...noWay, reason: this.#whyNot(number) };
  }

  #costOf(path: readonly LinkTag[]): number | undefined {
    if (!this.#neighbours.has(path[0]!)) return undefined;
    const numbers = path.map((tag) => this.#graph.numberOf(tag));
    if (numbers.includes(undefined)) return undefined;
    return this.#graph.costAlong([this.#self, ...numbers as number[]]);
  }

  #whyNot(number: number): RouteReason {
    if (this.#graph.told[number] === 0) return "it has told of no links";
    if (this.#graph.neighboursOf(number).length === 0) return "no other node confirms a link to it";
    this.#connected ??= this.#graph.connectedTo(this.#self);
    return this.#connected.has(number) ? "none of the nodes in between passes packets on" : "no path to it";
  }
}

const noWay: Route = {
  way: "unreachable",
  path: [],
  micros: Number.POSITIVE_INFINITY,
  reason: "no path to it",
};

function directTo(tag: LinkTag, micros = Number.POSITIVE_INFINITY): Route {
  return { way: "direct", path: [tag], micros, reason: "linked" };
}

function isSamePath(left: Route | undefined, right: Route | undefined): boolean {
  return (left?.path.join() ?? "") === (right?.path.join() ?? "");
}
