/**
 * What became of every endpoint we set out for and every peer we have a session with: the table behind
 * `status connections`, `status targets` and `status peers`. It only records; the machine decides.
 */
import type { EncapsulationOutput, FixedPeer, SessionInfo } from "../contracts/encapsulation.ts";
import type { ErrorCode } from "../contracts/errors.ts";
import type { PeerIdentity } from "../contracts/membership.ts";
import type { ConnectionState } from "../contracts/node.ts";
import type { Endpoint, Millis, PeerId } from "../contracts/values.ts";
import { formatEndpoint } from "../wire/endpoint.ts";

export interface Attempt {
  readonly endpoint: Endpoint;
  readonly source: string;
  peer: PeerId | undefined;
  state: ConnectionState;
  code: ErrorCode | undefined;
  reason: string | undefined;
}

export interface Connection {
  readonly session: SessionInfo;
  readonly identity: PeerIdentity;
  endpoint: Endpoint;
  rtt: Millis | undefined;
  /** IP bytes of the largest overlay packet that crosses in one datagram, once it is known. */
  pathMtu: number | undefined;
  /** Packets cross in plain: both sides trust the network between them. */
  isPlain: boolean;
  /** Extensions that the peer has named. */
  readonly features: readonly string[];
  /** Overlay packets that the main thread has carried, and their bytes. */
  readonly traffic: Traffic;
}

interface Traffic {
  packetsIn: number;
  packetsOut: number;
  bytesIn: number;
  bytesOut: number;
}

/** A device of the configuration: there is nothing to set out for, it is heard or it is not. */
export interface DeviceConnection {
  readonly id: PeerId;
  readonly name: string;
  readonly endpoint: Endpoint;
  isHeard: boolean;
  /** Why it is not heard any more; undefined for one that never was. */
  reason: string | undefined;
  readonly traffic: Traffic;
}

type Fact<T extends EncapsulationOutput["type"]> = Extract<EncapsulationOutput, { type: T }>;

export class ConnectionTable {
  readonly #attempts = new Map<string, Attempt>();
  readonly #connections = new Map<PeerId, Connection>();

  readonly #devices = new Map<PeerId, DeviceConnection>();
  #changed: () => void = () => {};

  /** Called whenever an attempt is another, or fares otherwise, than before. */
  watch(changed: () => void): void {
    this.#changed = changed;
  }

  /** No peers of the network: {@link peers} and {@link connections} leave them out. */
  devices(): Iterable<DeviceConnection> {
    return this.#devices.values();
  }

  device({ id, name, endpoint }: FixedPeer): void {
    this.#devices.set(id, { id, name, endpoint, isHeard: false, reason: undefined, traffic: none() });
  }

  deviceUp({ session }: Fact<"device-up">): void {
    const device = this.#devices.get(session.peer);
    if (device !== undefined) Object.assign(device, { isHeard: true, reason: undefined });
  }

  deviceDown({ peer, reason }: Fact<"session-down">): void {
    const device = this.#devices.get(peer);
    if (device !== undefined) Object.assign(device, { isHeard: false, reason });
  }

  attempts(): Iterable<Attempt> {
    return this.#attempts.values();
  }

  connections(): Iterable<Connection> {
    return this.#connections.values();
  }

  connection(peer: PeerId): Connection | undefined {
    return this.#connections.get(peer);
  }

  peers(): readonly PeerId[] {
    return [...this.#connections.keys()];
  }

  /** True when the endpoint is new to the table. */
  attempt(endpoint: Endpoint, source: string, peer: PeerId | undefined): boolean {
    const key = formatEndpoint(endpoint);
    if (this.#attempts.has(key)) return false;
    const state = peer !== undefined && this.#connections.has(peer) ? "established" : "connecting";
    this.#attempts.set(key, { endpoint, source, peer, state, code: undefined, reason: undefined });
    this.#changed();
    return true;
  }

  /**
   * Where a peer says that it is now: what `source` had named before is forgotten, or a peer that moves a lot, or only
   * says so, would fill the table.
   */
  keepPlaces(peer: PeerId, endpoints: readonly Endpoint[], source: string): void {
    const kept = new Set(endpoints.map(formatEndpoint));
    for (const [key, attempt] of this.#attempts) {
      if (attempt.peer === peer && attempt.source === source && !kept.has(key)) this.#remove(key);
    }
  }

  /** An endpoint that was tried without knowing whose it is. */
  targetFound({ endpoint, peer }: Fact<"target-found">): void {
    const attempt = this.#attempts.get(formatEndpoint(endpoint));
    if (attempt !== undefined) {
      Object.assign(attempt, { peer, state: "established", code: undefined, reason: undefined });
      this.#changed();
    }
  }

  /** Nobody sets out for this endpoint any more. A session that came of it is shown for as long as it lasts. */
  forget(endpoint: Endpoint): void {
    this.#remove(formatEndpoint(endpoint));
  }

  /** The peer is no member any more: nothing of it is shown. */
  forgetPeer(peer: PeerId): void {
    for (const [key, attempt] of this.#attempts) {
      if (attempt.peer === peer) this.#remove(key);
    }
  }

  sessionUp(fact: Fact<"session-up">): void {
    const { session, peer, features = [] } = fact;
    this.#connections.set(peer.id, {
      session,
      identity: peer,
      endpoint: session.endpoint,
      rtt: undefined,
      pathMtu: undefined,
      isPlain: false,
      features,
      traffic: none(),
    });
    const attempt = this.#attempts.get(formatEndpoint(session.endpoint));
    if (attempt !== undefined) attempt.peer = peer.id;
    this.#setAttemptsOf(peer.id, "established", undefined, undefined);
  }

  /** One packet of `bytes` bytes came from a member or device. */
  received(peer: PeerId, bytes: number): void {
    const traffic = this.#trafficOf(peer);
    if (traffic === undefined) return;
    traffic.packetsIn++;
    traffic.bytesIn += bytes;
  }

  /** One packet went there. */
  sent(peer: PeerId, bytes: number): void {
    const traffic = this.#trafficOf(peer);
    if (traffic === undefined) return;
    traffic.packetsOut++;
    traffic.bytesOut += bytes;
  }

  #trafficOf(peer: PeerId): Traffic | undefined {
    return (this.#connections.get(peer) ?? this.#devices.get(peer))?.traffic;
  }

  /** What was known of the session, for the event. */
  sessionDown(fact: Fact<"session-down">): Connection | undefined {
    const connection = this.#connections.get(fact.peer);
    this.#connections.delete(fact.peer);
    this.#setAttemptsOf(fact.peer, "retrying", "UNREACHABLE", fact.reason);
    return connection;
  }

  roamed(fact: Fact<"roamed">): void {
    const connection = this.#connections.get(fact.peer);
    if (connection !== undefined) connection.endpoint = fact.endpoint;
  }

  plain(fact: Fact<"plain">): void {
    const connection = this.#connections.get(fact.peer);
    if (connection !== undefined) connection.isPlain = fact.isPlain;
  }

  roundTrip(fact: Fact<"round-trip">): void {
    const connection = this.#connections.get(fact.peer);
    if (connection !== undefined) connection.rtt = fact.rtt;
  }

  pathMtu(fact: Fact<"path-mtu">): void {
    const connection = this.#connections.get(fact.peer);
    if (connection !== undefined) connection.pathMtu = fact.mtu;
  }

  attemptFailed(fact: Fact<"attempt-failed">): void {
    const attempt = this.#attempts.get(formatEndpoint(fact.target.endpoint));
    if (attempt === undefined || attempt.state === "established") return;
    attempt.state = fact.code === "INVALID_ARGUMENT" ? "failed" : "retrying";
    attempt.code = fact.code;
    attempt.reason = fact.reason;
    this.#changed();
  }

  #remove(key: string): void {
    if (this.#attempts.delete(key)) this.#changed();
  }

  #setAttemptsOf(
    peer: PeerId,
    state: ConnectionState,
    code: ErrorCode | undefined,
    reason: string | undefined,
  ): void {
    for (const attempt of this.#attempts.values()) {
      if (attempt.peer === peer) Object.assign(attempt, { state, code, reason });
    }
    this.#changed();
  }
}

function none(): Traffic {
  return { packetsIn: 0, packetsOut: 0, bytesIn: 0, bytesOut: 0 };
}
