/** What the harness knows of a gossip machine: bytes and the time go in, datagrams and facts come out. */
import type { SimRandom } from "../sim/random.ts";

export interface GossipShape {
  /** Times are milliseconds of the machine's own monotonic clock. */
  start(now: number): void;
  /** A member exists: its admission is known. Idempotent. `peer` is the dense number that the caller keeps for it. */
  admit(peer: number, now: number): void;
  expel(peer: number, now: number): void;
  /** An opaque record of a state channel; goes to every member. */
  spread(record: Uint8Array, now: number): void;
  leave(now: number): void;
  /** An authenticated packet of this member's data has just come. */
  heard(peer: number, now: number): void;
  /** A datagram of an authenticated member, opened. */
  handle(from: number, message: Uint8Array, now: number): void;
  handleTimeout(now: number): void;
  pollTimeout(): number | undefined;
  /** Drained after every call. */
  poll(): GossipFact | undefined;
}

export type GossipFact =
  | { readonly type: "datagram"; readonly to: number; readonly message: Uint8Array }
  | {
    readonly type: "alive" | "suspect" | "dead" | "left";
    readonly peer: number;
    readonly incarnation: number;
  }
  | { readonly type: "record"; readonly record: Uint8Array; readonly from: number }
  | { readonly type: "differs"; readonly peer: number; readonly digest: Uint8Array }
  | { readonly type: "refuted"; readonly incarnation: number };

export interface MachineSeat {
  readonly self: number;
  /** How many members the mesh has in all, numbered from 0. */
  readonly members: number;
  readonly random: SimRandom;
  /** What a node that restarts has stored; 0 for one that knows nothing. */
  readonly incarnation: number;
}

/** A protocol under test. */
export interface MachineKind {
  readonly name: string;
  /** Its unit of spreading, for figures in rounds. */
  readonly roundMillis: number;
  create(seat: MachineSeat): GossipShape;
}
