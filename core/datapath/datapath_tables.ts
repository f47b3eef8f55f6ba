/** All that the worker looks up, as the main thread has told it. */
import type { AddressMap } from "./address_map.ts";
import type { PeerTable } from "./peer_table.ts";
import type { RelayTable } from "./relay_table.ts";
import type { RouteMap } from "./route_map.ts";
import type { SessionTable } from "./session_table.ts";
import type { VerdictTable } from "./verdict_table.ts";

/** Which table was told and did not fit. */
export const Incomplete = { routes: 1, locals: 2 } as const;

export interface DatapathTables {
  readonly peers: PeerTable;
  readonly sessions: SessionTable;
  readonly relays: RelayTable;
  /** Overlay address → slot of the peer that owns it; −1 for what this node owns and for nobody's. */
  readonly routes: RouteMap;
  /** Overlay addresses of interfaces on this host, with their MACs. */
  readonly locals: AddressMap;
  /** What the policy has said of flows, if it says anything. */
  readonly verdicts: VerdictTable;
  /** Grows with every change of the others, for whoever remembers an answer. */
  version: number;
  /** Bits of {@link Incomplete}: half a table gives wrong answers, so while one is set all packets are the main thread's. */
  incomplete: number;
}
