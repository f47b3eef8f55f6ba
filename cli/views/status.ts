/** The node's documents as text, in the shapes that users of Weave know. */
import type {
  Alert,
  ConnectionState,
  ConnectionStatus,
  IpamStatus,
  NodeStatus,
  PeerStatus,
  TargetStatus,
} from "../../core/contracts/node.ts";
import type { HostStatus } from "../../core/contracts/exposure.ts";
import type { Io } from "../io.ts";
import { columns, keyValues, styled } from "../output.ts";
import { ago, percent, rtt } from "./figures.ts";

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
      ["Addresses", node.addresses.join(", ") || "none yet"],
      ["Encryption", `enabled (${encryption.aead}, ${encryption.implementation})`],
      ["Targets", String(node.targets)],
      ["Connections", connectionCounts(node.connections)],
      ["Peers", `${node.peers} (with ${node.connections.established} established connections)`],
      ["Traffic", `${traffic.packetsIn} packets in, ${traffic.packetsOut} out`],
      ["Drops", Object.entries(node.drops).map(([name, count]) => `${count} ${name}`).join(", ") || "none"],
    ],
    [
      ["Service", "ipam"],
      ["Status", node.ipam.state === "ready" ? "ready" : "waiting for a range from a peer"],
      ...node.ipam.ranges.map((range) => ["Range", range] as const),
    ],
  ];
  if (node.host?.device) blocks.push(hostBlock(node.host));
  const plugins = Object.entries(node.plugins).filter(([, names]) => names.length > 0);
  blocks.push([["Service", "plugins"], ...plugins.map(([slot, names]) => [slot, names.join(", ")] as const)]);
  const text = blocks.map((block) => keyValues(block, 16)).join("\n");
  return node.alerts.length === 0 ? text : `${text}\n${alertTable(io, node)}`;
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
 * `-> 192.0.2.1:6783  established  encrypted  k3vq…(host2)  rtt=0.4ms mtu=1376`, or the reason why not. A device that is
 * heard is `unencrypted`, and nobody measures the way to it.
 */
export function connectionTable(
  io: Colours,
  { connections }: { connections: readonly ConnectionStatus[] },
): string {
  const rows = connections.map((connection) => [
    connection.direction,
    connection.endpoint,
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

function cipherOf({ state, encrypted }: ConnectionStatus): string {
  return state !== "established" ? "-" : encrypted ? "encrypted" : plain;
}

function connectionDetail({ state, encrypted, rttMillis, mtu, reason }: ConnectionStatus): string {
  if (state !== "established") return reason ?? "";
  return encrypted ? `rtt=${rtt(rttMillis)} mtu=${mtu}` : `mtu=${mtu}`;
}

export function peerTable(io: Colours, { peers }: { peers: readonly PeerStatus[] }): string {
  const rows = peers.map((peer) => [
    `${peer.peer}(${peer.name})`,
    peer.self ? "self" : peer.state,
    rtt(peer.rttMillis),
    peer.addresses.join(",") || "-",
    peer.endpoints.join(",") || "-",
  ]);
  return columns(
    ["PEER", "STATE", "RTT", "ADDRESSES", "ENDPOINTS"],
    rows,
    (cell, column) => column === 1 ? stateColoured(io, cell) : cell,
  );
}

export function ipamTable({ shares, leases }: IpamStatus): string {
  const peers = shares.map(({ peer, name, ranges, share4, share6, reachable }) => [
    `${peer}(${name})`,
    percent(share4),
    percent(share6),
    reachable ? "" : "unreachable!",
    ranges.join(","),
  ]);
  const own = leases.map(({ owner, address }) => [owner, address]);
  return `${columns(["PEER", "IPV4", "IPV6", "", "RANGES"], peers)}\n${columns(["OWNER", "ADDRESS"], own)}`;
}

export function targetTable(io: Colours, { targets }: { targets: readonly TargetStatus[] }): string {
  const rows = targets.map(({ endpoint, source, state, reason }) => [endpoint, state, source, reason ?? ""]);
  return columns(
    ["TARGET", "STATE", "SOURCE", "REASON"],
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

const good = new Set(["established", "up", "self"]);
const bad = new Set(["failed", "down"]);

function stateColoured(io: Colours, cell: string): string {
  const state = cell.trimEnd();
  return styled(io, good.has(state) ? "green" : bad.has(state) ? "red" : "yellow", cell);
}
