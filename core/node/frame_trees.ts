/**
 * Which way frames to all go from this node. Where links are told, along trees that all reckon from them; of an origin that
 * these do not reach, and of all in a network that is too large for them, along the one tree that neighbours make between
 * themselves. Before a node has told of itself its frames go to all that it has a session with, and it hands nothing on.
 *
 * Neighbours need not be of one mind: who knows no links of an origin takes its frames from anybody, in either way.
 */
import type { BroadcastWay } from "../contracts/topology.ts";
import type { PeerId } from "../contracts/values.ts";
import { type BroadcastTree, directTree, type TravellingFrame } from "../forwarding/broadcast_tree.ts";
import type { BroadcastTrees } from "../topology/broadcast_trees.ts";
import type { LinkScope } from "../topology/link_scope.ts";
import { type LinkTag, tagOf } from "../topology/link_tag.ts";
import { broadcastFeature, gossipFeature } from "../wire/broadcast_header.ts";
import { mostHops } from "./broadcasts.ts";
import type { FrameGossip } from "./frame_gossip.ts";
import type { NodeContext } from "./node_context.ts";

export interface FrameTreesParts {
  readonly context: Pick<NodeContext, "state" | "connections" | "tags" | "platform">;
  readonly gossip: FrameGossip;
  scope(): LinkScope;
  /** Whether links are told, this node's own too. */
  isTold(): boolean;
  trees(): BroadcastTrees;
  /** Peers that no tree leads to, and that this node's own frames go to. */
  beyond(): readonly PeerId[];
}

/** In a mesh of thousands a tree of neighbours may be this deep; where nobody remembers a frame this ends it. */
const mostGossipHops = 255;

export class FrameTrees implements BroadcastTree {
  readonly #parts: FrameTreesParts;
  readonly #direct: BroadcastTree;

  constructor(parts: FrameTreesParts) {
    const { state, connections } = parts.context;
    this.#parts = parts;
    this.#direct = directTree(state.self.id, () => connections.peers());
  }

  children(origin: PeerId, from: PeerId): Iterable<PeerId> {
    const way = this.wayOf(origin);
    if (way === "direct") return this.#direct.children(origin, from);
    return way === "trees" ? this.#treeChildren(origin) : this.#gossipChildren(origin);
  }

  mayBring(origin: PeerId, from: PeerId): boolean {
    const { trees, context } = this.#parts;
    const way = this.wayOf(origin);
    if (way === "direct") return this.#direct.mayBring(origin, from);
    return way === "gossip" || trees().mayBring(tagOf(origin), tagOf(from), context.platform.clock.now());
  }

  hops(origin: PeerId): number {
    return this.wayOf(origin) === "gossip" ? mostGossipHops : mostHops;
  }

  took(frame: TravellingFrame): void {
    if (this.wayOf(frame.origin) === "gossip") this.#parts.gossip.took(frame);
  }

  repeated(frame: Pick<TravellingFrame, "origin" | "header" | "by">): void {
    if (this.wayOf(frame.origin) === "gossip") this.#parts.gossip.repeated(frame);
  }

  /** How frames of this member go on from here now. */
  wayOf(origin: PeerId): BroadcastWay {
    const { scope, isTold, trees, context } = this.#parts;
    if (scope() === "local") return "gossip";
    if (!isTold()) return "direct";
    const isReached = origin === context.state.self.id ||
      trees().reaches(tagOf(origin), context.platform.clock.now());
    return isReached ? "trees" : "gossip";
  }

  #treeChildren(origin: PeerId): readonly PeerId[] {
    const { context: { connections, tags, platform, state }, trees, beyond } = this.#parts;
    const children = trees().children(tagOf(origin), platform.clock.now())
      .flatMap((tag: LinkTag) => tags.memberOf(tag) ?? [])
      .filter((peer) => connections.connection(peer) !== undefined);
    return origin === state.self.id ? [...children, ...beyond()] : children;
  }

  /**
   * And those that do not follow the tree of neighbours: of this node's own frames all, since they take those from nobody
   * else, and of others where they reckon trees from links, in which they take what has no tree from anybody.
   */
  #gossipChildren(origin: PeerId): readonly PeerId[] {
    const { context, gossip, scope } = this.#parts;
    const isAll = origin === context.state.self.id || scope() === "mesh";
    if (!isAll) return gossip.eager();
    const others = [...context.connections.connections()].filter(({ features }) =>
      features.includes(broadcastFeature) && !features.includes(gossipFeature)
    );
    return [...gossip.eager(), ...others.map(({ identity }) => identity.id)];
  }
}
