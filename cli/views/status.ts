/** The node's documents as text, in the shapes that users of Weave know. */
import type {
  Alert,
  ConnectionState,
  ConnectionStatus,
  DatapathStatus,
  NatStatus,
  NodeStatus,
  PeerStatus,
  TargetStatus,
} from "../../core/contracts/node.ts";
import type { BroadcastStatus } from "../../core/contracts/topology.ts";
import type { HostStatus } from "../../core/contracts/exposure.ts";
import type { Io } from "../io.ts";
import { columns, keyValues, styled } from "../output.ts";
import { ago, loss, percent, rtt, scaled } from "./figures.ts";

type Colours = Pick<Io, "colours">;

/** Blocks of right-aligned keys, one per service. */
export function statusBlocks(io: Pick<Io, "colours" | "clock">, node: NodeStatus): string {
  const { network, encryption, traffic } = node;
  const blocks: (readonly (readonly [string, string])[])[] = [
    [["Version", `${node.version} (${node.runtime})`]],
    [
      ["Service", "node"],
      [
        "State",
        styled(io, node.healthy ? "green" : "yellow", node.healthy ? node.state : `${node.state}, not well`),
      ],
      ["Name", `${node.peer}(${node.name})`],
      ["Network", `${network.name} (${network.id})`],
      ["Started", ago(node.uptimeSeconds)],
      ...listeners(node),
      ...natLines(node.nat),
      ...broadcastLines(node.broadcasts),
      ["Addresses", node.addresses.join(", ") || "none yet"],
      ["Encryption", `enabled (${encryption.aead}, ${encryption.implementation})`],
      ...datapathLines(node.datapath),
      ["Targets", String(node.targets)],
      ["Connections", connectionCounts(node.connections)],
      ["Peers", `${node.peers} (with ${node.connections.established} established connections)`],
      ["Traffic", `${traffic.packetsIn} packets in, ${traffic.packetsOut} out`],
      ["Drops", Object.entries(node.drops).map(([name, count]) => `${count} ${name}`).join(", ") || "none"],
    ],
    [
      ["Service", "ipam"],
      ["Status", ipamState(node)],
      ...node.ipam.ranges.map((range) => ["Range", range] as const),
    ],
  ];
  if (node.host?.device) blocks.push(hostBlock(node.host));
  const plugins = Object.entries(node.plugins).filter(([, names]) => names.length > 0);
  blocks.push([["Service", "plugins"], ...plugins.map(([slot, names]) => [slot, names.join(", ")] as const)]);
  const text = blocks.map((block) => keyValues(block, 16)).join("\n");
  return node.alerts.length === 0 ? text : `${text}\n${alertTable(io, node)}`;
}

function ipamState({ ipam: { state, waiting } }: NodeStatus): string {
  if (state === "ready") return "ready";
  return waiting.length === 0
    ? "waiting for a range from a peer"
    : `waiting for IP(s) to become available (${waiting.length})`;
}

/** `endpoint-independent, seen at 192.0.2.7:40001`; nothing where nobody is in between. */
function natLines({ kind, observed }: NatStatus): readonly (readonly [string, string])[] {
  return kind === "unknown" || kind === "none" ? [] : [["NAT", `${kind}, seen at ${observed.join(", ")}`]];
}

/** `gossip, whole frames to 3 of 12 neighbours`; nothing where trees follow from the links that all tell. */
function broadcastLines({ way, neighbours, eager }: BroadcastStatus): readonly (readonly [string, string])[] {
  if (way !== "gossip") return [];
  return [["Broadcasts", `gossip, whole frames to ${eager} of ${neighbours} neighbours`]];
}

/** `worker (C calls: koffi; aes-256-gcm by libcrypto)`, or `main: this node has no interfaces`; then how it fares. */
function datapathLines(
  { path, reason, ffi, ciphers, workers, isRealtime, restarts, counters }: DatapathStatus,
): readonly (readonly [string, string])[] {
  const sealing = ciphers.map(({ aead, implementation }) => `${aead} by ${implementation}`).join(", ");
  const means = ffi === null ? "" : ` (C calls: ${ffi}; ${sealing})`;
  const lines: [string, string][] = [[
    "Data path",
    reason === null ? `${path}${means}` : `${path}: ${reason}${means}`,
  ]];
  if (counters === null) return lines;
  const { turns, sleeps, left, leftLost, backlog, sendsRefused, writesRefused } = counters;
  lines.push([
    workers === 1 ? "Worker" : `${workers} workers`,
    [
      ...isRealtime ? ["real-time priority"] : [],
      restarts === 0 ? "never restarted" : `restarted ${restarts === 1 ? "once" : `${restarts} times`}`,
      `${turns} turns, ${sleeps} sleeps`,
      `${left} left to the main thread, ${leftLost} lost there, queue ${percent(backlog)} full`,
      `${sendsRefused} sends and ${writesRefused} writes refused`,
    ].join("; "),
  ]);
  return lines;
}

/** With every rule that is among those of others, for whoever wonders where they come from. */
function hostBlock(host: HostStatus): readonly (readonly [string, string])[] {
  const { device, addresses, masquerade, services, changes, restored } = host;
  return [
    ["Service", "host"],
    ["Interface", `${device} (${addresses.join(", ")})`],
    ["Masquerade", masquerade ? "yes" : "no"],
    ["Services", String(services.length)],
    ...changes.map(({ tool, place, what }) => ["Changed", `${tool}, ${place}: ${what}`] as const),
    ["Restored", restored === 1 ? "once" : `${restored} times`],
  ];
}

/** A line per transport: `192.0.2.1:6783, [2001:db8::1]:6783 (tcp, streams)`. */
function listeners({ listeners }: NodeStatus): readonly (readonly [string, string])[] {
  const transports = Map.groupBy(listeners, ({ transport, carries }) => `${transport}, ${carries}`);
  if (transports.size === 0) return [["Listen", "none"]];
  return [...transports].map(([transport, its]) =>
    ["Listen", `${its.map(({ endpoint }) => endpoint).join(", ")} (${transport})`] as const
  );
}

/** `5 (1 established, 4 retrying)`: only the states that occur. */
function connectionCounts(counts: Readonly<Record<ConnectionState, number>>): string {
  const present = (Object.entries(counts) as [ConnectionState, number][]).filter(([, count]) => count > 0);
  const total = present.reduce((sum, [, count]) => sum + count, 0);
  return total === 0 ? "0" : `${total} (${present.map(([state, count]) => `${count} ${state}`).join(", ")})`;
}

/**
 * `-> 192.0.2.1:6783  established  aes-256-gcm  k3vq…(host2)  rtt=0.4ms mtu=1376 path=worker …`, or the reason why not. A
 * device that is heard is `unencrypted`, and nobody measures the way to it.
 */
export function connectionTable(
  io: Colours,
  { connections }: { connections: readonly ConnectionStatus[] },
): string {
  const rows = connections.map((connection) => [
    connection.direction,
    connection.relay === null ? connection.endpoint : "-",
    connection.state,
    cipherOf(connection),
    connection.peer === null ? "-" : `${connection.peer}(${connection.name ?? "unknown"})`,
    connectionDetail(connection),
  ]);
  const header = ["", "ENDPOINT", "STATE", "CIPHER", "PEER", "DETAIL"];
  return columns(header, rows, (cell, column) => {
    if (column === 3 && cell.trimEnd() === plain) return styled(io, "yellow", cell);
    return column === 2 ? stateColoured(io, cell) : cell;
  });
}

const plain = "unencrypted";

function cipherOf({ state, encrypted, aead }: ConnectionStatus): string {
  return state !== "established" ? "-" : encrypted ? aead ?? "encrypted" : plain;
}

function connectionDetail(connection: ConnectionStatus): string {
  const { state, encrypted, rttMillis, mtu, path, relay, via, relayed, traffic, reason } = connection;
  if (state !== "established") return reason ?? "";
  const carried = traffic === null ? [] : [
    `in=${carriedText(traffic.packetsIn, traffic.bytesIn)}`,
    `out=${carriedText(traffic.packetsOut, traffic.bytesOut)}`,
  ];
  // Of a device nobody measures anything; of a member that is sent to in plain, the way.
  const measured = encrypted || rttMillis !== null ? [`rtt=${rtt(rttMillis)}`] : [];
  const hasPassed = relayed !== null && relayed.packets > 0;
  const passed = hasPassed ? [`relayed=${carriedText(relayed.packets, relayed.bytes)}`] : [];
  const lost = encrypted ? [`loss=${loss(connection.loss)}`] : [];
  return [
    ...measured,
    `mtu=${mtu}`,
    `path=${relay === null ? path ?? "-" : `relay ${via.join(",")}`}`,
    ...lost,
    ...carried,
    ...passed,
  ].join(" ");
}

/** `900p/1.20MB` */
function carriedText(packets: number, bytes: number): string {
  return `${packets}p/${scaled(bytes).replace(" ", "")}B`;
}

export function peerTable(io: Colours, { peers }: { peers: readonly PeerStatus[] }): string {
  const rows = peers.map((peer) => [
    `${peer.peer}(${peer.name})`,
    peer.self ? "self" : stateOf(peer),
    rtt(peer.rttMillis),
    wayText(peer),
    peer.addresses.join(",") || "-",
    peer.endpoints.join(",") || "-",
  ]);
  return columns(
    ["PEER", "STATE", "RTT", "WAY", "ADDRESSES", "ENDPOINTS"],
    rows,
    (cell, column) => column === 1 ? stateColoured(io, cell) : cell,
  );
}

/** How it is reached, and why it is not. */
function wayText({ self, way }: PeerStatus): string {
  if (self || way === null) return "-";
  if (way.way === "relayed") {
    return `over ${way.via.map(({ name, peer }) => name ?? peer ?? "unknown").join(",")}`;
  }
  return way.way === "unreachable" ? `unreachable: ${way.reason}` : way.way;
}

/** Whether there is a session, and what the others say if that is no matter of course. */
function stateOf({ state, liveness }: PeerStatus): string {
  return liveness === null ? state : `${state}, ${liveness}`;
}

export function targetTable(io: Colours, { targets }: { targets: readonly TargetStatus[] }): string {
  const rows = targets.map(({ endpoint, source, state, reason, places, nextAttempt }) => [
    endpoint,
    state,
    source,
    nextAttempt ?? "-",
    places.filter((place) => place !== endpoint).join(" ") || "-",
    reason ?? "",
  ]);
  return columns(
    ["TARGET", "STATE", "SOURCE", "NEXT", "PLACES", "REASON"],
    rows,
    (cell, column) => column === 1 ? stateColoured(io, cell) : cell,
  );
}

export function alertTable(io: Colours, { alerts }: { alerts: readonly Alert[] }): string {
  const rows = alerts.map(({ name, detail, since }) => [name, since, detail]);
  return columns(
    ["ALERT", "SINCE", "DETAIL"],
    rows,
    (cell, column) => column === 0 ? styled(io, "red", cell) : cell,
  );
}

const good = new Set(["established", "up", "self", "up, alive", "down, alive"]);
const bad = new Set(["failed", "down", "down, dead", "down, left"]);

function stateColoured(io: Colours, cell: string): string {
  const state = cell.trimEnd();
  return styled(io, good.has(state) ? "green" : bad.has(state) ? "red" : "yellow", cell);
}
