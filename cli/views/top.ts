/** What went between this node and its peers in an interval: two readings of the API make one picture. Pure. */
import type { ConnectionStatus, DropReason, NodeStatus, TrafficStatus } from "../../core/contracts/node.ts";
import type { Io } from "../io.ts";
import { columns, printable, styled } from "../output.ts";
import { loss, percent, rate, rtt } from "./figures.ts";

/** `at`: milliseconds of a monotonic clock. */
export interface Reading {
  readonly at: number;
  readonly status: NodeStatus;
  readonly connections: readonly ConnectionStatus[];
}

export interface Rate {
  readonly bitsPerSecond: number;
  readonly packetsPerSecond: number;
}

export type TopRow =
  & Pick<
    ConnectionStatus,
    "peer" | "name" | "endpoint" | "state" | "path" | "relay" | "aead" | "rttMillis" | "loss"
  >
  /** Null while there is no session, and in the interval in which it began. */
  & { readonly in: Rate | null; readonly out: Rate | null };

/** Also the JSON document. */
export interface TopDocument {
  readonly name: string;
  readonly network: string;
  /** Between the readings. */
  readonly seconds: number;
  readonly datapath: {
    readonly path: "worker" | "main";
    readonly reason: string | null;
    /** How full the queue from the worker to the main thread is, 0 to 1; null without a worker. */
    readonly backlog: number | null;
    readonly restarts: number;
  };
  /** Of all peers; null when the node has begun anew in between. */
  readonly in: Rate | null;
  readonly out: Rate | null;
  /** Packets dropped in the interval, by reason. */
  readonly drops: Readonly<Partial<Record<DropReason, number>>>;
  /** The busiest first. */
  readonly peers: readonly TopRow[];
}

export function compare(before: Reading, after: Reading): TopDocument {
  const seconds = (after.at - before.at) / 1000;
  const { status } = after;
  const isSameRun = before.status.started === status.started;
  const known = new Map(isSameRun ? before.connections.map((each) => [keyOf(each), each.traffic]) : []);
  const rows = after.connections.map((connection) =>
    rowOf(connection, known.get(keyOf(connection)) ?? null, seconds)
  );
  const { path, reason, restarts, counters } = status.datapath;
  return {
    name: status.name,
    network: status.network.name,
    seconds,
    datapath: { path, reason, backlog: counters?.backlog ?? null, restarts },
    ...rates(isSameRun ? before.status.traffic : null, status.traffic, seconds),
    drops: isSameRun ? newDrops(before.status.drops, status.drops) : {},
    peers: rows.sort((left, right) => busyness(right) - busyness(left)),
  };
}

/** Of a peer that is looked for at several endpoints, each is a row until one answers. */
function keyOf({ peer, endpoint, state }: ConnectionStatus): string {
  return state === "established" ? `peer ${peer}` : `endpoint ${endpoint}`;
}

function rowOf(connection: ConnectionStatus, before: TrafficStatus | null, seconds: number): TopRow {
  const { peer, name, endpoint, state, path, relay, aead, rttMillis, traffic } = connection;
  const flow = rates(before, traffic, seconds);
  return { peer, name, endpoint, state, path, relay, aead, rttMillis, loss: connection.loss, ...flow };
}

function rates(
  before: TrafficStatus | null,
  after: TrafficStatus | null,
  seconds: number,
): { readonly in: Rate | null; readonly out: Rate | null } {
  if (before === null || after === null) return { in: null, out: null };
  return {
    in: rateOf(after.packetsIn - before.packetsIn, after.bytesIn - before.bytesIn, seconds),
    out: rateOf(after.packetsOut - before.packetsOut, after.bytesOut - before.bytesOut, seconds),
  };
}

/** Counters that went back are those of another session. */
function rateOf(packets: number, bytes: number, seconds: number): Rate | null {
  if (packets < 0 || bytes < 0 || seconds <= 0) return null;
  return { bitsPerSecond: 8 * bytes / seconds, packetsPerSecond: packets / seconds };
}

function newDrops(before: NodeStatus["drops"], after: NodeStatus["drops"]): NodeStatus["drops"] {
  const grown = Object.entries(after)
    .map(([reason, count]) => [reason, count - (before[reason as DropReason] ?? 0)] as const)
    .filter(([, count]) => count > 0);
  return Object.fromEntries(grown);
}

/** Peers without a figure come last, those with a session before those without. */
function busyness(row: TopRow): number {
  if (row.in === null || row.out === null) return row.state === "established" ? -1 : -2;
  return row.in.bitsPerSecond + row.out.bitsPerSecond;
}

type Colours = Pick<Io, "colours">;

/** Two lines about the node and a row per peer. */
export function topScreen(io: Colours, document: TopDocument): string {
  const { name, network, seconds, peers } = document;
  const head = [
    `${styled(io, "bold", printable(name))} in ${printable(network)}, ${seconds.toFixed(1)} s`,
    `in ${flowText(document.in)}`,
    `out ${flowText(document.out)}`,
    datapathText(io, document.datapath),
  ];
  const drops = Object.entries(document.drops).map(([reason, count]) => `${count} ${reason}`).join(", ");
  const lost = drops === "" ? "no drops" : styled(io, "yellow", `drops: ${drops}`);
  return `${head.join("   ")}\n${lost}\n\n${peerRows(io, peers)}`;
}

function datapathText(io: Colours, { path, reason, backlog, restarts }: TopDocument["datapath"]): string {
  const queue = backlog === null ? "" : `, queue ${percent(backlog)}`;
  const again = restarts === 0 ? "" : styled(io, "yellow", `, ${restarts} restarts`);
  return `data path: ${path}${reason === null ? "" : ` (${printable(reason)})`}${queue}${again}`;
}

function flowText(flow: Rate | null): string {
  if (flow === null) return "-";
  return `${rate(flow.bitsPerSecond, "bit")} ${rate(flow.packetsPerSecond, "p")}`;
}

const header = ["PEER", "STATE", "PATH", "CIPHER", "RTT", "LOSS", "IN", "", "OUT", "", "ENDPOINT"];
const stateColumn = 1;

function peerRows(io: Colours, peers: readonly TopRow[]): string {
  const rows = peers.map((row) => [
    row.name ?? row.peer ?? "-",
    row.state,
    row.relay === null ? row.path ?? "-" : `relay ${row.relay}`,
    row.state === "established" ? row.aead ?? "unencrypted" : "-",
    rtt(row.rttMillis),
    loss(row.loss),
    ...flowCells(row.in),
    ...flowCells(row.out),
    row.relay === null ? row.endpoint : "-",
  ]);
  return columns(header, rows, (cell, column) => {
    if (column !== stateColumn) return cell;
    return styled(io, cell.trimEnd() === "established" ? "green" : "yellow", cell);
  });
}

function flowCells(flow: Rate | null): readonly [string, string] {
  return flow === null ? ["-", "-"] : [rate(flow.bitsPerSecond, "bit"), rate(flow.packetsPerSecond, "p")];
}
