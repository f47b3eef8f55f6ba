/** All that the worker looks up, as the main thread has told it. */
import type { AddressMap } from "./address_map.ts";
import type { PeerTable } from "./peer_table.ts";
import type { RouteMap } from "./route_map.ts";
import type { SessionTable } from "./session_table.ts";

/** Which table was told and did not fit. */
export const Incomplete = { routes: 1, locals: 2, specials: 4 } as const;

export interface DatapathTables {
  readonly peers: PeerTable;
  readonly sessions: SessionTable;
  /** Overlay address → slot of the peer that owns it; −1 for what this node owns and for nobody's. */
  readonly routes: RouteMap;
  /** Overlay addresses of interfaces on this host, with their MACs. */
  readonly locals: AddressMap;
  /** Addresses whose packets the main thread judges: those of devices behind bridges. */
  readonly specials: AddressMap;
  /** Grows with every change, for whoever remembers an answer. */
  version: number;
  /** Bits of {@link Incomplete}: half a table gives wrong answers, so while one is set all packets are the main thread's. */
  incomplete: number;
}
