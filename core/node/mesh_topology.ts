/**
 * Who is linked to whom, as this node knows it, and what follows: which way each member is reached, over which relays one
 * without a session is sought, and along which trees frames to all go. The machines of `core/topology`, told what happens
 * to sessions; nothing here sends a packet.
 */
import type { Encapsulation, RelayWilling } from "../contracts/encapsulation.ts";
import type { Timer } from "../contracts/host.ts";
import type { RelayWillingness } from "../contracts/topology.ts";
import type { Endpoint, Millis, PeerId } from "../contracts/values.ts";
import { type BroadcastTree, directTree } from "../forwarding/broadcast_tree.ts";
import { BroadcastTrees } from "../topology/broadcast_trees.ts";
import { type LinkGraph, linkGraphOf } from "../topology/link_graph.ts";
import { type LinkScope, linkScopeOf } from "../topology/link_scope.ts";
import { type LinkTag, tagOf } from "../topology/link_tag.ts";
import { relaysBetween } from "../topology/relay_choice.ts";
import { type Route, RoutePlanner } from "../topology/route_planner.ts";
import { isRelayEndpoint, mostRelays } from "../wire/relay_endpoint.ts";
import { LinkKeeper } from "./link_keeper.ts";
import type { NodeContext } from "./node_context.ts";

/** Changes come in bursts; one graph for all of them is soon enough for ways that last for minutes. */
const settling: Millis = 100;
/**
 * More graphs than this at a stretch come one a second: one costs some ten milliseconds with 500 members, and whoever is
 * sought along another way is called there at once. A member that changes its word all the time gets no more of that.
 */
const graphs = { burst: 50, every: 1_000 as Millis } as const;

export class MeshTopology {
  readonly links: LinkKeeper;
  readonly #context: NodeContext;
  #self: LinkTag;
  #planner: RoutePlanner;
  #trees: BroadcastTrees;
  readonly #direct: BroadcastTree;
  #graph: LinkGraph = linkGraphOf([]);
  #scope: LinkScope = "mesh";
  #timer: Timer | undefined;
  /** When the next graph would be on time in the long run; `burst` of them may be ahead of it. */
  #paid: Millis = Number.NEGATIVE_INFINITY;
  #isRunning = false;
  #rerouted: (peers: readonly PeerId[]) => void = () => {};

  constructor(context: NodeContext, encapsulation: Encapsulation) {
    const { platform, state, replicator, tags, connections } = context;
    this.#context = context;
    this.#self = tagOf(state.self.id);
    this.#planner = new RoutePlanner(this.#self);
    this.#trees = new BroadcastTrees({ self: this.#self });
    this.#direct = directTree(state.self.id, () => connections.peers());
    this.links = new LinkKeeper({
      self: () => state.self,
      networkId: () => state.networkId(),
      standingOf: (peer) => state.isMember() ? state.trust().member(peer)?.state ?? "unknown" : "unknown",
      willingness: willingnessOf(encapsulation),
      clock: platform.clock,
      log: platform.log.child("mesh"),
      replicate: (shared) => replicator.replicate(shared),
      memberOf: (tag) => tags.memberOf(tag),
      changed: () => this.#changeSoon(),
    });
  }

  /** Called with the members to whom the way is another one now, or gone, or there for the first time. */
  onRerouted(handler: (peers: readonly PeerId[]) => void): void {
    this.#rerouted = handler;
  }

  /** On a node that belongs to a network; sessions may have come before. */
  start(): void {
    this.#isRunning = true;
    this.#judgeScope();
    this.links.begin();
    for (const { identity, session, endpoint } of this.#context.connections.connections()) {
      this.placed(identity.id, endpoint, session.initiator);
    }
  }

  stop(): void {
    this.#isRunning = false;
    this.#timer?.cancel();
    this.links.stop();
  }

  /** The session with this peer is up, or has moved. One over a relay is no link, as nobody may send through it. */
  placed(peer: PeerId, endpoint: Endpoint, isOutbound: boolean): void {
    if (isRelayEndpoint(endpoint)) return this.lost(peer);
    this.links.up(peer, isOutbound);
    this.#followLinks();
  }

  lost(peer: PeerId): void {
    this.links.down(peer);
    this.#followLinks();
  }

  membersChanged(): void {
    this.#judgeScope();
    if (this.#isRunning) this.#changeSoon();
  }

  /** The graph that all ways are reckoned from. */
  get graph(): LinkGraph {
    return this.#graph;
  }

  routes(): ReadonlyMap<LinkTag, Route> {
    return this.#planner.routes();
  }

  /**
   * The relays that a session with this member may be made over, best first. Each of them has to have a session with this
   * node, over others again if it is farther away.
   */
  relaysTo(peer: PeerId): readonly PeerId[] {
    const to = tagOf(peer);
    const path = this.#relayedPath(to);
    const near = relaysBetween(
      { from: this.#self, to },
      this.links.ownLinks(),
      (tag) => this.#recordOf(tag),
    );
    const isNear = path.length === 2 || !near.some(({ isSure }) => isSure);
    // A single relay is worth more than a shorter way over several: each of them seals once more, and is one more to fail.
    const tags = [...isNear ? path.slice(-2, -1) : [], ...near.map(({ tag }) => tag)];
    return [...new Set(tags)].flatMap((tag) => this.#context.tags.memberOf(tag) ?? []);
  }

  /** For frames to all: along the links that both ends tell of, and as without any where none are told. */
  tree(): BroadcastTree {
    const { clock } = this.#context.platform;
    return {
      children: (origin, from) => this.isTold ? this.#children(origin) : this.#direct.children(origin, from),
      mayBring: (origin, from) =>
        this.isTold
          ? this.#trees.mayBring(tagOf(origin), tagOf(from), clock.now())
          : this.#direct.mayBring(origin, from),
    };
  }

  /** Whether links are told at all: there are not too many members, and this node has begun. */
  get isTold(): boolean {
    return this.#scope === "mesh" && this.#graph.numberOf(this.#self) !== undefined;
  }

  #children(origin: PeerId): readonly PeerId[] {
    const { connections, tags, platform, state } = this.#context;
    const children = this.#trees.children(tagOf(origin), platform.clock.now())
      .flatMap((tag) => tags.memberOf(tag) ?? [])
      .filter((peer) => connections.connection(peer) !== undefined);
    return origin === state.self.id ? [...children, ...this.#beyond()] : children;
  }

  /** Peers over relays that tell nothing, as older ones do: no tree leads to them, and this node's own frames do. */
  #beyond(): readonly PeerId[] {
    return [...this.#context.connections.connections()].filter(({ endpoint, identity }) => {
      const way = isRelayEndpoint(endpoint) ? this.#planner.route(tagOf(identity.id))?.way : "direct";
      return way === undefined || way === "unreachable";
    }).map(({ identity }) => identity.id);
  }

  #relayedPath(to: LinkTag): readonly LinkTag[] {
    const route = this.#planner.route(to);
    return route?.way === "relayed" && route.path.length - 1 <= mostRelays ? route.path : [];
  }

  #recordOf(tag: LinkTag) {
    const peer = this.#context.tags.memberOf(tag);
    return peer && this.links.recordOf(peer);
  }

  #judgeScope(): void {
    this.#scope = linkScopeOf(this.#context.state.knownPeers().length + 1, this.#scope);
    this.links.membersChanged(this.#scope === "local");
  }

  /** At once, since a frame must not go to whom there is no session with any more, nor pass by one that has just come. */
  #followLinks(): void {
    if (!this.#isRunning) return;
    this.#trees.update(this.#graph, this.links.neighbours(), this.#context.platform.clock.now());
  }

  #changeSoon(): void {
    if (!this.#isRunning) return;
    const { clock } = this.#context.platform;
    const allowed = this.#paid - (graphs.burst - 1) * graphs.every;
    this.#timer ??= clock.timer(Math.max(clock.now() + settling, allowed), () => this.#change());
  }

  #change(): void {
    this.#timer = undefined;
    this.#paid = Math.max(this.#paid, this.#context.platform.clock.now()) + graphs.every;
    this.#graph = linkGraphOf(this.links.nodes());
    this.#followLinks();
    const changed = this.#planner.update(this.#graph, this.links.neighbours());
    const peers = changed.flatMap((tag) => this.#context.tags.memberOf(tag) ?? []);
    if (peers.length > 0) this.#rerouted(peers);
  }
}

function willingnessOf(encapsulation: Encapsulation): RelayWillingness {
  return "willingness" in encapsulation
    ? (encapsulation as Encapsulation & RelayWilling).willingness
    : "never";
}
