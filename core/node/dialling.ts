/**
 * Whom this node sets out for. Sessions stand with as many members as a full mesh may have; beyond them a member is
 * called when there is a packet for it.
 */
import type {
  ArrivalCounting,
  Encapsulation,
  OverlayPacket,
  SessionTarget,
} from "../contracts/encapsulation.ts";
import type { Timer } from "../contracts/host.ts";
import type { Datagrams } from "../contracts/transport.ts";
import type { Endpoint, Millis, PeerId, PeerRecord } from "../contracts/values.ts";
import { formatEndpoint, sameEndpoint } from "../wire/endpoint.ts";
import { relayedPlace } from "../wire/relay_endpoint.ts";
import type { Connection } from "./connection_table.ts";
import { Detours } from "./detours.ts";
import type { MeshDatapath } from "./mesh_datapath.ts";
import type { NodeContext } from "./node_context.ts";
import { type Call, SessionDemand } from "./session_demand.ts";
import { VainCalls } from "./vain_calls.ts";

export interface DiallingParts {
  /** Sessions that stand: no further member is set out for without a packet. */
  readonly standing: number;
  /** Nobody is called but what the operator has named; others are reached through whoever is. */
  readonly onlyNamed: boolean;
  /** One call on the machine, and all that follows from it. */
  call(step: (machine: Encapsulation, now: Millis) => void): void;
  /** A packet that has waited for a session goes out, and is counted. */
  send(peer: PeerId, packet: OverlayPacket): void;
  /** Endpoints that the operator wants to be tried. */
  named(): readonly Endpoint[];
  /** Of what a member says where it is, what is worth trying, best first. */
  ranked(endpoints: readonly Endpoint[]): readonly Endpoint[];
  /** The relays that lead to a member, best first. */
  relaysTo(peer: PeerId): readonly PeerId[];
  /** Packets with one member, of all threads, and messages that this node has passed on for it. */
  readonly datapath: Pick<MeshDatapath, "trafficOf" | "relayed">;
}

/** Whom a node sets out for; see `NodeOptions`. */
export interface DialledMembers {
  readonly standingSessions?: number;
  readonly onlyTargets?: boolean;
}

/** Of a session that others call dead: what has come of it, and until when more may come. */
interface Doubt {
  readonly connection: Connection;
  readonly heard: number;
  readonly timer: Timer;
}

/** Longer than a session that lives is ever silent: a keepalive goes out after five seconds, and its answer takes a round trip. */
const hearingTime: Millis = 7_000;
/** A full mesh of this many is what every node can bear. */
export const defaultStanding = 64;
/** Source of an attempt that follows from what a peer says of itself. */
export const introduction = "introduction";
/** Source of an attempt that the operator wants. */
export const target = "target";
/** Source of an attempt that follows from a packet. */
const traffic = "traffic";

export class Dialling {
  readonly demand: SessionDemand;
  readonly #detours: Detours;
  readonly #context: NodeContext;
  readonly #datagrams: Pick<Datagrams, "localEndpoints">;
  readonly #parts: DiallingParts;
  /** Members of whom others say that they are gone: only packets call them. */
  readonly #gone = new Set<PeerId>();
  /** Members with a session of whom others say that they are gone. */
  readonly #doubts = new Map<PeerId, Doubt>();
  readonly #vain: VainCalls;
  #isStopped = false;

  constructor(context: NodeContext, datagrams: Pick<Datagrams, "localEndpoints">, parts: DiallingParts) {
    this.#context = context;
    this.#datagrams = datagrams;
    this.#parts = parts;
    this.#vain = new VainCalls(parts.standing);
    context.members.watch((_, removed) => removed.forEach((peer) => this.#vain.forget(peer)));
    this.demand = new SessionDemand({
      clock: context.platform.clock,
      drops: context.drops,
      call: (peer) => this.#callFor(peer),
      hangUp: (peer) => this.#hangUp(peer),
      send: parts.send,
      crossed: (peer) => this.#crossed(peer),
    });
    this.#detours = new Detours({
      context,
      relaysTo: (peer) => parts.relaysTo(peer),
      want: (relay) => this.demand.want(relay),
      mayCall: (peer) => this.#mayCall(peer),
      call: parts.call,
    });
  }

  /** Tries an endpoint until it answers; at once when it is already being tried. What the operator wants needs no room. */
  reach(endpoint: Endpoint, source: string, peer?: PeerRecord): void {
    const hasRoom = this.#context.connections.peers().length < this.#parts.standing;
    if (source === target || hasRoom) this.#attempt(endpoint, source, peer);
  }

  /** After this no session is judged, no packet waits and nobody is called. */
  stop(): void {
    this.#isStopped = true;
    for (const peer of [...this.#doubts.keys()]) this.#settle(peer);
    this.demand.stop();
  }

  /**
   * Others say that a member is gone. Their word carries no proof, and one that lies must not cut those who hear each
   * other: where a session stands, it decides, by whether anything more comes of it.
   */
  gone(peer: PeerId): void {
    if (this.#isStopped || this.#doubts.has(peer)) return;
    const connection = this.#context.connections.connection(peer);
    if (connection === undefined) return this.#giveUp(peer);
    const { clock } = this.#context.platform;
    const timer = clock.timer(clock.now() + hearingTime, () => this.#judge(peer));
    this.#doubts.set(peer, { connection, heard: this.#heard(connection), timer });
  }

  /** A round of calls got nowhere; `peer` if it is known who was to answer. */
  failed(peer: PeerId | undefined): void {
    const { connections, members } = this.#context;
    const isCalled = [...connections.attempts()].some((attempt) => attempt.peer === peer);
    if (peer !== undefined && isCalled && !this.demand.isWaiting(peer)) {
      const { rest, wake } = this.#vain.failed(peer);
      if (rest !== undefined) this.#hangUp(rest);
      const woken = wake && members.get(wake);
      if (woken !== undefined) this.reachPeer(woken);
    }
    this.fill();
  }

  /** A member that was gone is back. */
  returned(id: PeerId): void {
    this.#settle(id);
    this.#vain.forget(id);
    const peer = this.#context.members.get(id);
    if (this.#gone.delete(id) && peer !== undefined) this.reachPeer(peer);
  }

  /** Whoever has made a session is not gone, whatever others say. */
  sessionUp(peer: PeerId): void {
    this.#settle(peer);
    this.#gone.delete(peer);
    this.#vain.forget(peer);
    this.demand.sessionUp(peer);
    this.#detours.sessionUp(peer);
  }

  /** Other ways lead to these members than before: whoever is sought there is sought along them. */
  rerouted(peers: readonly PeerId[]): void {
    if (this.#isStopped) return;
    const { connections, members } = this.#context;
    const tried = new Set([...connections.attempts()].map(({ peer }) => peer));
    for (const id of peers) {
      const peer = members.get(id);
      if (peer === undefined || this.#detours.rerouted(id) || connections.connection(id) !== undefined) {
        continue;
      }
      if (tried.has(id)) this.#detours.seek(peer);
      else if (!this.#gone.has(id)) this.reachPeer(peer);
    }
  }

  reachPeer(peer: PeerRecord): void {
    if (this.#isStopped) return;
    this.#gone.delete(peer.id);
    const { state, connections } = this.#context;
    if (peer.id === state.self.id || connections.connection(peer.id) !== undefined || !this.#hasRoom()) {
      return;
    }
    this.#setOut(peer, introduction);
  }

  /**
   * Sets out for members until enough stand or are on their way: those that follow this node in the order of their ids, so
   * that all nodes together are linked in a ring, whoever has come first. A node without any session calls those who are
   * gone as well: it may be itself that was cut off, and then nobody else is going to call.
   */
  fill(): void {
    if (this.#isStopped) return;
    const { state, connections } = this.#context;
    this.#reachNamed();
    if (!this.#hasRoom()) return;
    const isAlone = connections.peers().length === 0;
    const tried = new Set([...connections.attempts()].map(({ peer }) => peer));
    const known = state.knownPeers()
      .filter(({ id }) => !tried.has(id) && !this.#vain.isResting(id) && (isAlone || !this.#gone.has(id)))
      .filter((peer) => !this.#detours.isAwaiting(peer.id) || peer.endpoints.length > 0)
      .toSorted((a, b) => a.id < b.id ? -1 : 1);
    const next = Math.max(0, known.findIndex(({ id }) => id > state.self.id));
    for (const peer of [...known.slice(next), ...known.slice(0, next)]) {
      if (connections.connection(peer.id) !== undefined) continue;
      // Before each, since it looks through all attempts: of members there may be many more than have room.
      if (!this.#hasRoom()) return;
      this.reachPeer(peer);
    }
  }

  /** What the operator has named and nobody tries, as the member there is gone. */
  #reachNamed(): void {
    const attempts = [...this.#context.connections.attempts()];
    const tried = new Set(attempts.map(({ endpoint }) => formatEndpoint(endpoint)));
    for (const endpoint of this.#parts.named()) {
      if (!tried.has(formatEndpoint(endpoint))) this.reach(endpoint, target);
    }
  }

  /** The time of a doubt is over. A session that was made anew meanwhile has been heard, too. */
  #judge(peer: PeerId): void {
    const doubt = this.#doubts.get(peer);
    this.#doubts.delete(peer);
    const { connections, members } = this.#context;
    if (doubt === undefined || members.get(peer) === undefined) return;
    const connection = connections.connection(peer);
    const isSilent = connection === doubt.connection && this.#heard(connection) === doubt.heard;
    if (connection === undefined || isSilent) this.#giveUp(peer);
  }

  #settle(peer: PeerId): void {
    this.#doubts.get(peer)?.timer.cancel();
    this.#doubts.delete(peer);
  }

  /**
   * The session that may still stand is over, and nobody calls the member any more but whoever has a packet for it: while
   * one waits, the call that it has caused decides. What the operator has named is tried on, since another one may answer
   * there.
   */
  #giveUp(peer: PeerId): void {
    if (this.demand.isWaiting(peer)) return;
    const { members } = this.#context;
    for (const each of this.#gone) if (members.get(each) === undefined) this.#gone.delete(each);
    this.#gone.add(peer);
    this.#vain.forget(peer);
    this.#hangUp(peer);
    this.#reachNamed();
    this.fill();
  }

  /** Messages and packets that have come of a peer so far, whoever has opened them: a keepalive's answer is no packet. */
  #heard({ session: { peer }, traffic }: Connection): number {
    let heard = this.#parts.datapath.trafficOf(peer, traffic).packetsIn;
    this.#parts.call((machine) => {
      if (countsArrivals(machine)) heard += machine.arrivals(peer)?.received ?? 0;
    });
    return heard;
  }

  /** Who does not answer takes nobody's place. */
  #hasRoom(): boolean {
    const { connections } = this.#context;
    const standing = new Set<PeerId>(connections.peers());
    if (standing.size >= this.#parts.standing) return false;
    for (const { state, peer } of connections.attempts()) {
      if (state === "connecting" && peer !== undefined) standing.add(peer);
    }
    return standing.size < this.#parts.standing;
  }

  #mayCall(peer: PeerId): boolean {
    const { connections } = this.#context;
    return this.demand.isCalled(peer) || connections.connection(peer) !== undefined ||
      [...connections.attempts()].some((attempt) => attempt.peer === peer) || this.#hasRoom();
  }

  #attempt(endpoint: Endpoint, source: string, peer: PeerRecord | undefined): void {
    if (this.#isStopped) return;
    if (this.#datagrams.localEndpoints().some((own) => sameEndpoint(own, endpoint))) {
      return source === target ? this.#refuseOwn(endpoint) : undefined;
    }
    this.#context.connections.attempt(endpoint, source, peer?.id);
    const again = source === target;
    const wanted: SessionTarget = peer === undefined ? { endpoint, again } : { endpoint, peer, again };
    this.#parts.call((machine, now) => machine.connect(wanted, now));
  }

  /** The operator, who has named it, sees why nothing comes of it; a member may well say that it is at the same address. */
  #refuseOwn(endpoint: Endpoint): void {
    const { connections, events } = this.#context;
    if (!connections.attempt(endpoint, target, undefined)) return;
    const code = "INVALID_ARGUMENT";
    const reason = `Cannot connect to ${formatEndpoint(endpoint)}: it is an address of this node itself`;
    connections.attemptFailed({ type: "attempt-failed", target: { endpoint }, code, reason });
    events.emit("target:failed", { endpoint, code, reason });
  }

  /** One that has not answered for a round is down: packets for it do not wait, and whoever sends them hears of it. */
  #callFor(id: PeerId): Call {
    const { members, connections } = this.#context;
    const attempts = [...connections.attempts()].filter(({ peer }) => peer === id);
    if (attempts.length > 0) {
      const isSought = attempts.some(({ state }) => state === "connecting") || this.#detours.isLedTo(id);
      return isSought ? "sought" : "vain";
    }
    const peer = members.get(id);
    return peer !== undefined && this.#setOut(peer, traffic) ? "called" : "vain";
  }

  /**
   * An address, then relays, then other addresses: the encapsulation tries places in this order, a quarter of a second after
   * another, and from behind a relay it looks for all addresses at once. False when there is no place to try.
   */
  #setOut(peer: PeerRecord, source: string): boolean {
    const [first, ...others] = this.#parts.onlyNamed ? [] : this.#parts.ranked(peer.endpoints);
    if (first !== undefined) this.#attempt(first, source, peer);
    const isLedTo = this.#detours.seek(peer);
    for (const endpoint of others) this.#attempt(endpoint, source, peer);
    return isLedTo || first !== undefined;
  }

  #hangUp(peer: PeerId): void {
    this.#detours.forget(peer);
    this.#context.connections.forgetPeer(peer);
    this.#parts.call((machine, now) => machine.disconnect(peer, now));
    this.#keepNamed();
  }

  /** Who has been found at a place that the operator has named goes with its session or call, and the place must not. */
  #keepNamed(): void {
    const attempts = [...this.#context.connections.attempts()].filter((attempt) =>
      attempt.peer === undefined
    );
    const unknown = new Set(attempts.map(({ endpoint }) => formatEndpoint(endpoint)));
    for (const endpoint of this.#parts.named()) {
      if (!unknown.has(formatEndpoint(endpoint))) continue;
      this.#parts.call((machine, now) => machine.connect({ endpoint }, now));
    }
  }

  /** A relay is in use by whoever is behind it, on either side. */
  #crossed(peer: PeerId): number {
    let crossed = this.#parts.datapath.relayed(peer).packets;
    for (const { session, endpoint, traffic } of this.#context.connections.connections()) {
      if (session.peer !== peer && relayedPlace(endpoint)?.relay !== peer) continue;
      const { packetsIn, packetsOut } = this.#parts.datapath.trafficOf(session.peer, traffic);
      crossed += packetsIn + packetsOut;
    }
    return crossed;
  }
}

function countsArrivals(encapsulation: Encapsulation): encapsulation is Encapsulation & ArrivalCounting {
  return "arrivals" in encapsulation;
}
