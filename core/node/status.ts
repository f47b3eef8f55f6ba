/** The node's parts as plain documents: what `status` and the API show. Reads only. */
import type { Discovery, Liveness, LivenessReport } from "../contracts/discovery.ts";
import type { ArrivalCounting, Encapsulation, Relayed } from "../contracts/encapsulation.ts";
import type { HostStatus } from "../contracts/exposure.ts";
import type { Ipam, IpamReport } from "../contracts/ipam.ts";
import type {
  Alert,
  ConnectionState,
  ConnectionStatus,
  DatapathStatus,
  IpamStatus,
  ListenerStatus,
  NodeStatus,
  PeerStatus,
  TargetStatus,
  TrafficStatus,
} from "../contracts/node.ts";
import type { PeerIdentity } from "../contracts/membership.ts";
import type { Port } from "../contracts/port.ts";
import type { Datagrams, Transport } from "../contracts/transport.ts";
import type { Endpoint, PeerId, WallMillis } from "../contracts/values.ts";
import { formatAddress } from "../wire/address.ts";
import { formatEndpoint } from "../wire/endpoint.ts";
import { formatPrefix } from "../wire/prefix.ts";
import { isRelayEndpoint } from "../wire/relay_endpoint.ts";
import { encodeHex } from "../wire/hex.ts";
import type { Attempt, Connection, ConnectionTable } from "./connection_table.ts";
import type { pluginNames } from "./composition.ts";
import type { DropCounts } from "./drop_counts.ts";
import type { NetworkState } from "./network_state.ts";
import type { BesidePart } from "./node_parts.ts";
import { overlayMtu } from "./overlay_mtu.ts";
import { ownAddresses } from "./own_endpoint.ts";
import { sparePlaces, targetStatuses } from "./target_status.ts";
import { timeText } from "./time_text.ts";
import { relaysOf, type TopologySources, waysOf } from "./topology_status.ts";
import type { Platform } from "./platform.ts";

export interface StatusSources {
  readonly version: string;
  readonly platform: Platform;
  readonly plugins: ReturnType<typeof pluginNames>;
  readonly transports: readonly Transport[];
  readonly state: NetworkState;
  readonly connections: ConnectionTable;
  readonly topology: TopologySources["topology"];
  readonly datagrams: Datagrams;
  readonly encapsulation: Encapsulation;
  readonly beside: readonly BesidePart[];
  readonly discovery: readonly Discovery[];
  readonly ipam: Ipam & Partial<IpamReport>;
  readonly port: Pick<Port, "attached">;
  readonly startedWall: WallMillis;
  readonly startedAt: number;
  phase(): NodeStatus["state"];
  nat(): NodeStatus["nat"];
  traffic(): TrafficStatus;
  datapath(): DatapathStatus;
  /** What carries packets to a member that is up, and from it. */
  pathOf(peer: PeerId): DatapathStatus["path"];
  /** With one member: `here` of the main thread, and those of the data path. */
  trafficOf(peer: PeerId, here: TrafficStatus): TrafficStatus;
  /** What was passed on for a member, by both. */
  relayedFor(peer: PeerId): Relayed;
  readonly drops: Pick<DropCounts, "all" | "report">;
  alerts(): readonly Alert[];
  host(): HostStatus | undefined;
  /** Who waits for an address of a range that is full. */
  waiting(): IpamStatus["waiting"];
}

export function nodeStatus(sources: StatusSources): NodeStatus {
  const { state, platform } = sources;
  const network = state.network();
  const members = memberConnections(sources);
  const alerts = sources.alerts();
  const targets = targetStatuses(sources);
  return {
    version: sources.version,
    runtime: platform.runtime,
    state: sources.phase(),
    peer: state.self.id,
    name: state.self.name,
    network: { id: network === undefined ? "" : encodeHex(network.id), name: network?.name ?? "" },
    started: timeText(sources.startedWall),
    uptimeSeconds: Math.floor((platform.clock.now() - sources.startedAt) / 1000),
    plugins: sources.plugins,
    listen: endpointTexts(
      [sources, ...sources.beside].flatMap(({ datagrams }) => datagrams.localEndpoints()),
    ),
    listeners: listenerStatuses(sources),
    nat: sources.nat(),
    broadcasts: sources.topology.broadcasts(),
    addresses: ownAddresses(sources.port).map(formatAddress),
    encryption: { aead: platform.aeads[0]!.name, implementation: platform.aeads[0]!.implementation },
    connections: countStates([...members, ...deviceConnections(sources)]),
    peers: 1 + otherPeers(sources).length,
    targets: targets.length,
    ipam: ipamStatus(sources),
    traffic: sources.traffic(),
    datapath: sources.datapath(),
    drops: sources.drops.report(),
    host: sources.host() ?? null,
    alerts,
    healthy: sources.phase() === "ready" && alerts.length === 0 &&
      targets.every(({ places }) => places.length > 0) && areUp(members, targets),
  };
}

/**
 * But for what is tried of names that are reached at another of their addresses, and for addresses of this node itself:
 * one list of seeds serves all hosts of a mesh, and each of them is on it.
 */
function areUp(members: readonly ConnectionStatus[], targets: readonly TargetStatus[]): boolean {
  const spare = sparePlaces(targets);
  return members.every(({ state, peer, endpoint }) =>
    state === "established" || (peer === null && (state === "failed" || spare.has(endpoint)))
  );
}

/** In the order in which the transports are named: that of their start. */
function listenerStatuses({ transports, beside, plugins }: StatusSources): readonly ListenerStatus[] {
  const names = plugins["transport"] ?? [];
  return [...transports, ...beside.map(({ over }) => over)].flatMap((part, index) =>
    (["datagrams", "streams"] as const).flatMap((carries) =>
      endpointTexts(part[carries]?.localEndpoints() ?? []).map((endpoint) => ({
        transport: names[index]!,
        carries,
        endpoint,
      }))
    )
  );
}

/** One row per session, one per endpoint that has none, and one per device. */
export function connectionStatuses(sources: StatusSources): readonly ConnectionStatus[] {
  return [...memberConnections(sources), ...deviceConnections(sources)];
}

function memberConnections(sources: StatusSources): readonly ConnectionStatus[] {
  const sessions = [...sources.connections.connections()].map((connection) =>
    established(connection, sources)
  );
  const others = [...sources.connections.attempts()]
    .filter((attempt) =>
      attempt.peer === undefined || sources.connections.connection(attempt.peer) === undefined
    )
    .map((attempt) => unestablished(attempt, sources));
  return [...sessions, ...others];
}

/** A device that nobody talks with is silent and not broken: these rows say nothing about health. */
function deviceConnections(sources: StatusSources): readonly ConnectionStatus[] {
  return [...sources.connections.devices()].map(({ id, name, endpoint, isHeard, reason, traffic }) => ({
    direction: "->",
    endpoint: formatEndpoint(endpoint),
    state: isHeard ? "established" : "connecting",
    peer: id,
    name,
    encrypted: false,
    aead: null,
    rttMillis: null,
    mtu: overlayMtu(sources),
    path: isHeard ? "main" : null,
    relay: null,
    via: [],
    relayed: null,
    traffic: isHeard ? asDatagrams(traffic, deviceEncapsulation(sources, id)) : null,
    loss: null,
    reason: reason ?? null,
    code: null,
  }));
}

function deviceEncapsulation({ beside, encapsulation }: StatusSources, id: PeerId): Encapsulation {
  const own = beside.find((part) => part.encapsulation.fixedPeers.some((peer) => peer.id === id));
  return own?.encapsulation ?? encapsulation;
}

function established(connection: Connection, sources: StatusSources): ConnectionStatus {
  const peer = connection.identity.id;
  const here = asDatagrams(connection.traffic, sources.encapsulation);
  const via = relaysOf(sources.connections, peer).map((relay) => sources.state.peerName(relay) ?? relay);
  return {
    direction: connection.session.initiator ? "->" : "<-",
    endpoint: formatEndpoint(connection.endpoint),
    state: "established",
    peer,
    name: connection.identity.name,
    encrypted: connection.session.aead !== undefined && !connection.isPlain,
    aead: connection.isPlain ? null : connection.session.aead ?? null,
    rttMillis: connection.rtt ?? null,
    mtu: connection.pathMtu ?? overlayMtu(sources),
    path: sources.pathOf(peer),
    relay: via.at(-1) ?? null,
    via,
    relayed: sources.relayedFor(peer),
    traffic: sources.trafficOf(peer, here),
    loss: lossOf(sources.encapsulation, peer),
    reason: null,
    code: null,
  };
}

function unestablished(attempt: Attempt, sources: StatusSources): ConnectionStatus {
  return {
    direction: "->",
    endpoint: formatEndpoint(attempt.endpoint),
    state: attempt.state,
    peer: attempt.peer ?? null,
    name: attempt.peer === undefined ? null : sources.state.peerName(attempt.peer) ?? null,
    encrypted: false,
    aead: null,
    rttMillis: null,
    mtu: overlayMtu(sources),
    path: null,
    relay: null,
    via: [],
    relayed: null,
    traffic: null,
    loss: null,
    reason: attempt.reason ?? null,
    code: attempt.code ?? null,
  };
}

/** IPv4 and UDP headers, which `overhead` counts and a datagram does not.  What a relay adds is left out of both. */
const outerHeaders = 20 + 8;

/**
 * What packets of the main thread come to as the data path counts them, with the most that the encapsulation adds. One
 * that was split counts as if it had not been.
 */
function asDatagrams(packets: TrafficStatus, { overhead, relayOverhead = 0 }: Encapsulation): TrafficStatus {
  const each = overhead[4] - relayOverhead - outerHeaders;
  return {
    packetsIn: packets.packetsIn,
    packetsOut: packets.packetsOut,
    bytesIn: packets.bytesIn + each * packets.packetsIn,
    bytesOut: packets.bytesOut + each * packets.packetsOut,
  };
}

/** With fewer, one that is under way or a probe of the path that was too large would look like loss. */
const fewestToJudge = 100;
/** A peer whose data path began anew has passed over as many numbers, which were never sent. */
const passedOver = 2 ** 20;

function lossOf(encapsulation: Encapsulation, peer: PeerId): number | null {
  const arrivals = countsArrivals(encapsulation) ? encapsulation.arrivals(peer) : undefined;
  if (arrivals === undefined || arrivals.sent < fewestToJudge) return null;
  const missing = Math.max(0, arrivals.sent - arrivals.received);
  return missing < passedOver ? missing / arrivals.sent : null;
}

function countsArrivals(encapsulation: object): encapsulation is ArrivalCounting {
  return "arrivals" in encapsulation;
}

/** All members this node knows, itself first. */
export function peerStatuses(sources: StatusSources): readonly PeerStatus[] {
  const wayTo = waysOf(sources);
  const statusOf = (id: PeerId, endpoints: readonly Endpoint[]): PeerStatus => ({
    ...peerStatus(sources, id, endpoints),
    way: wayTo(id),
  });
  const self = statusOf(sources.state.self.id, sources.datagrams.localEndpoints());
  return [self, ...otherPeers(sources).map((peer) => statusOf(peer.id, peer.endpoints))];
}

function otherPeers({ state }: StatusSources): readonly PeerIdentity[] {
  return state.knownPeers().filter((peer) => peer.id !== state.self.id);
}

function peerStatus(
  sources: StatusSources,
  id: PeerId,
  endpoints: readonly Endpoint[],
): Omit<PeerStatus, "way"> {
  const { state, connections } = sources;
  const self = id === state.self.id;
  const connection = connections.connection(id);
  return {
    peer: id,
    name: state.peerName(id) ?? id,
    self,
    state: self || connection !== undefined ? "up" : "down",
    liveness: self ? null : livenessOf(sources, id),
    endpoints: endpointTexts(isAtAddress(connection) ? [connection.endpoint] : endpoints),
    ranges: rangesOf(sources, id),
    addresses: (self ? ownAddresses(sources.port) : state.peerAddresses(id)).map(formatAddress),
    rttMillis: connection?.rtt ?? null,
  };
}

/** Where a peer that is behind a relay is, only its own word tells. */
function isAtAddress(connection: Connection | undefined): connection is Connection {
  return connection !== undefined && !isRelayEndpoint(connection.endpoint);
}

/** Of the first that can tell; null where none can. */
export function livenessOf({ discovery }: Pick<StatusSources, "discovery">, peer: PeerId): Liveness | null {
  for (const plugin of discovery) {
    const liveness = tellsLiveness(plugin) ? plugin.liveness(peer) : undefined;
    if (liveness !== undefined) return liveness;
  }
  return null;
}

function tellsLiveness(plugin: Discovery): plugin is Discovery & LivenessReport {
  return "liveness" in plugin;
}

export function ipamStatus(sources: StatusSources): IpamStatus {
  const { ipam, state, connections, port } = sources;
  const self = state.self.id;
  const waiting = sources.waiting();
  const leases = [...ipam.leases()];
  return {
    state: ownAddresses(port).length > 0 && waiting.length === 0 ? "ready" : "waiting",
    ranges: ipam.ranges().map(formatPrefix),
    leases: leases.map(({ owner, address, bits }) => ({
      owner,
      address: `${formatAddress(address)}/${bits}`,
    })),
    shares: (ipam.report?.() ?? []).map(({ peer, prefixes, share }) => ({
      peer,
      name: state.peerName(peer) ?? peer,
      ranges: prefixes.map(formatPrefix),
      share4: share[4],
      share6: share[6],
      reachable: peer === self || connections.connection(peer) !== undefined,
      liveness: peer === self ? null : livenessOf(sources, peer),
      active: peer === self ? leases.length : null,
    })),
    waiting,
  };
}

function rangesOf({ ipam }: StatusSources, peer: PeerId): readonly string[] {
  return (ipam.report?.() ?? []).filter((share) => share.peer === peer)
    .flatMap((share) => share.prefixes.map(formatPrefix));
}

function endpointTexts(endpoints: readonly Endpoint[]): readonly string[] {
  return endpoints.map(formatEndpoint);
}

function countStates(connections: readonly ConnectionStatus[]): Record<ConnectionState, number> {
  const counts = { connecting: 0, established: 0, retrying: 0, failed: 0 };
  for (const { state } of connections) counts[state]++;
  return counts;
}
