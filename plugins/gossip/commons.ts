/** What the parts of one machine share. Each part owns a subject and its deadlines; here is what all of them look at. */
import type { Chance } from "./chance.ts";
import type { GossipCounters } from "./counters.ts";
import type { Evidence } from "./evidence.ts";
import type { Outputs } from "./facts.ts";
import type { Health } from "./health.ts";
import type { MemberTable } from "./member_table.ts";
import type { GossipOptions } from "./options.ts";
import type { Outbox } from "./outbox.ts";
import type { View } from "./view.ts";

export interface Commons {
  readonly self: number;
  readonly options: GossipOptions;
  readonly table: MemberTable;
  readonly view: View;
  readonly evidence: Evidence;
  readonly health: Health;
  readonly chance: Chance;
  readonly counters: GossipCounters;
  readonly outbox: Outbox;
  readonly outputs: Outputs;
  /** Over all records of this node; 8 bytes. Undefined where nothing but gossip is shared. */
  readonly stateDigest: (() => Uint8Array) | undefined;
  /** Records are judged before they are passed on. */
  readonly isJudged: boolean;
}

/** A deadline that never comes. */
export const never = Number.POSITIVE_INFINITY;

/** A random member that is present and not among these; -1 when there is none. */
export function randomOther(commons: Commons, except: readonly number[]): number {
  return commons.table.random(commons.chance, (peer) => !except.includes(peer));
}
