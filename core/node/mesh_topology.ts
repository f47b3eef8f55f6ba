/**
 * Who is linked to whom, as this node knows it, and what follows: which way each member is reached, over which relays one
 * without a session is sought, and along which trees frames to all go. The machines of `core/topology`, told what happens
 * to sessions; nothing here sends a packet.
 */
import type { Timer } from "../contracts/host.ts";
import type { BroadcastStatus, RelayWillingness } from "../contracts/topology.ts";
import type { Endpoint, Millis, PeerId } from "../contracts/values.ts";
import type { PeerIdentity } from "../contracts/membership.ts";
import { BroadcastTrees } from "../topology/broadcast_trees.ts";
import { type LinkGraph, linkGraphOf } from "../topology/link_graph.ts";
import { type LinkScope, linkScopeOf, meshScopeUpTo } from "../topology/link_scope.ts";
import { type LinkTag, tagOf } from "../topology/link_tag.ts";
import { relaysBetween, relaysForPair } from "../topology/relay_choice.ts";
import { type Route, RoutePlanner } from "../topology/route_planner.ts";
import { isRelayEndpoint, mostRelays } from "../wire/relay_endpoint.ts";
import { type FrameCarrier, FrameGossip, gossipChannel } from "./frame_gossip.ts";
import { FrameTrees } from "./frame_trees.ts";
import { LinkKeeper } from "./link_keeper.ts";
import type { NodeContext } from "./node_context.ts";
import { RelayNaming } from "./relay_naming.ts";

/** Changes come in bursts; one graph for all of them is soon enough for ways that last for minutes. */
const settling: Millis = 100;
/**
 * More graphs than this at a stretch come one a second: one costs some ten milliseconds with 500 members, and whoever is
 * sought along another way is called there at once. A member that changes its word all the time gets no more of that.
 */
const graphs = { burst: 50, every: 1_000 as Millis } as const;

/** Between two counts of the members that are alive, of whom many may be lost or back at once. */
const counting: Millis = 1_000;

export interface MeshTopologyParts {
  /** What this node does for others. */
  readonly willingness: RelayWillingness;
  /** Whether this member is held for dead. */
  isGone(peer: PeerId): boolean;
  /** Up to how many members all tell their links; see `link_scope.ts`. */
  readonly linkStateUpTo?: number | undefined;
}

export class MeshTopology {
  readonly links: LinkKeeper;
  readonly naming: RelayNaming;
  /** For frames to all. */
  readonly frames: FrameTrees;
  readonly #context: NodeContext;
  #self: LinkTag;
  #planner: RoutePlanner;
  #trees: BroadcastTrees;
  readonly #gossip: FrameGossip;
  readonly #parts: MeshTopologyParts;
  #graph: LinkGraph = linkGraphOf([]);
  #scope: LinkScope = "mesh";
  #timer: Timer | undefined;
  #countTimer: Timer | undefined;
  /** When the next graph would be on time in the long run; `burst` of them may be ahead of it. */
  #paid: Millis = Number.NEGATIVE_INFINITY;
  #isRunning = false;
  #rerouted: (peers: readonly PeerId[]) => void = () => {};

  constructor(context: NodeContext, parts: MeshTopologyParts) {
    const { platform, state, replicator, tags, connections, channels } = context;
    this.#context = context;
    this.#parts = parts;
    this.#self = tagOf(state.self.id);
    this.#planner = new RoutePlanner(this.#self);
    this.#trees = new BroadcastTrees({ self: this.#self });
    this.links = new LinkKeeper({
      self: () => state.self,
      networkId: () => state.networkId(),
      standingOf: (peer) => state.isMember() ? state.trust().member(peer)?.state ?? "unknown" : "unknown",
      willingness: parts.willingness,
      clock: platform.clock,
      log: platform.log.child("mesh"),
      replicate: (shared) => replicator.replicate(shared),
      memberOf: (tag) => tags.memberOf(tag),
      changed: () => this.#changeSoon(),
    });
    this.naming = new RelayNaming(context, () => this.links.liveLinks());
    this.#gossip = new FrameGossip({
      ...platform,
      connections,
      channel: channels.open(gossipChannel),
      memberOf: (tag) => tags.memberOf(tag),
    });
    this.frames = new FrameTrees({
      context,
      gossip: this.#gossip,
      scope: () => this.#scope,
      isTold: () => this.isTold,
      trees: () => this.#trees,
      beyond: () => this.#beyond(),
    });
  }

  /** Frames that neighbours have missed go the way of all frames. */
  carryOver(carrier: FrameCarrier): void {
    this.#gossip.carryOver(carrier);
  }

  /**
   * Called with the members to whom the way is another one now, or gone, or there for the first time; and with whoever is
   * called without an answer or is behind a relay, when anything has changed: another relay may lead there, or be nearer.
   */
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
    this.#countTimer?.cancel();
    this.links.stop();
    this.naming.stop();
    this.#gossip.stop();
  }

  /** The session with this peer is up, or has moved. One over a relay is no link, as nobody may send through it. */
  placed(peer: PeerId, endpoint: Endpoint, isOutbound: boolean): void {
    if (isRelayEndpoint(endpoint)) return this.lost(peer);
    this.links.up(peer, isOutbound);
    this.#followLinks();
    // It may lead to whoever is being called, long before it has stood for so long that others are told.
    if (this.#called().length > 0) this.#changeSoon();
  }

  lost(peer: PeerId): void {
    this.links.down(peer);
    this.#followLinks();
  }

  /** `learned` say something of themselves that is new: other relays, maybe. */
  membersChanged(learned: readonly PeerIdentity[]): void {
    this.#judgeScope();
    if (!this.#isRunning) return;
    this.#changeSoon();
    const named = learned.map(({ id }) => id).filter((peer) => this.naming.namedBy(peer).length > 0);
    if (named.length > 0) this.#rerouted(named);
  }

  /** It does not answer at its addresses: relays that it names are worth a session now. */
  unanswered(peer: PeerId | undefined): void {
    if (this.#isRunning && peer !== undefined && this.naming.namedBy(peer).length > 0) this.#rerouted([peer]);
  }

  /** A member is held for dead, or for alive again. */
  livesChanged(): void {
    const { clock } = this.#context.platform;
    if (!this.#isRunning) return;
    this.#countTimer ??= clock.timer(clock.now() + counting, () => {
      this.#countTimer = undefined;
      this.#judgeScope();
    });
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
      this.links.liveLinks(),
      (tag) => this.#recordOf(tag),
    );
    const isNear = path.length === 2 || !near.some(({ isSure }) => isSure);
    // A single relay is worth more than a shorter way over several: each of them seals once more, and is one more to fail.
    const known = [...isNear ? path.slice(-2, -1) : [], ...near.map(({ tag }) => tag)];
    known.push(...this.#namedBy(peer));
    const tags = known.length > 0 || this.#recordOf(to) !== undefined ? known : this.#nearest(to);
    return [...new Set(tags)].flatMap((tag) => this.#context.tags.memberOf(tag) ?? []);
  }

  broadcasts(): BroadcastStatus {
    const way = this.frames.wayOf(this.#context.state.self.id);
    return { way, neighbours: this.#gossip.degree, eager: this.#gossip.eager().length };
  }

  /** Whether links are told at all: there are not too many members, and this node has begun. */
  get isTold(): boolean {
    return this.#scope === "mesh" && this.#graph.numberOf(this.#self) !== undefined;
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

  /**
   * Of whom nothing is known yet: this node has just come, and links are told only after members. Whoever let it in most
   * likely has a session with all others, and if not says so at once. Only one is asked: where there are hundreds of members
   * it is asked for dozens of them in one moment.
   */
  #nearest(to: LinkTag): readonly LinkTag[] {
    if (this.#scope !== "mesh") return [];
    return this.links.liveLinks().filter(({ tag }) =>
      tag !== to && this.#recordOf(tag)?.willingness !== "never"
    ).toSorted((left, right) => left.rttClass - right.rttClass).slice(0, 1).map(({ tag }) => tag);
  }

  /**
   * A session with a relay is made for its sake only where addresses have not answered: most members answer, and each would
   * bring a session with a relay of its own along.
   */
  #namedBy(peer: PeerId): readonly LinkTag[] {
    const theirs = this.naming.namedBy(peer);
    if (theirs.length === 0) return [];
    const named = relaysForPair({ from: this.#self, to: tagOf(peer) }, this.links.liveLinks(), theirs);
    const attempts = [...this.#context.connections.attempts()].filter((attempt) => attempt.peer === peer);
    const isInVain = attempts.every(({ state }) => state !== "connecting");
    return named.filter(({ isSure }) => isSure || isInVain).map(({ tag }) => tag);
  }

  #recordOf(tag: LinkTag) {
    const peer = this.#context.tags.memberOf(tag);
    return peer && this.links.recordOf(peer);
  }

  #judgeScope(): void {
    const { linkStateUpTo = meshScopeUpTo } = this.#parts;
    this.#scope = linkScopeOf(this.#membersAlive(linkStateUpTo), this.#scope, linkStateUpTo);
    this.links.membersChanged(this.#scope === "local");
    if (this.#scope === "mesh" || !this.#isRunning) this.naming.stop();
    else this.naming.begin();
  }

  /** This node too. Who is alive is asked only where it makes a difference. */
  #membersAlive(enough: number): number {
    const others = this.#context.state.knownPeers();
    if (others.length < enough && this.#scope === "mesh") return others.length + 1;
    return others.filter(({ id }) => !this.#parts.isGone(id)).length + 1;
  }

  /** At once, since a frame must not go to whom there is no session with any more, nor pass by one that has just come. */
  #followLinks(): void {
    if (!this.#isRunning) return;
    this.#gossip.follow();
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
    const members = changed.flatMap((tag) => this.#context.tags.memberOf(tag) ?? []);
    const peers = new Set([...members, ...this.#called(), ...this.#relayed()]);
    if (peers.size > 0) this.#rerouted([...peers]);
  }

  #called(): readonly PeerId[] {
    return [...this.#context.connections.attempts()].flatMap(({ peer }) => peer ?? []);
  }

  #relayed(): readonly PeerId[] {
    return [...this.#context.connections.connections()].filter(({ endpoint }) => isRelayEndpoint(endpoint))
      .map(({ identity }) => identity.id);
  }
}
