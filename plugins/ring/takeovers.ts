/** What voters have decided of this network's space: as the history of voters has it now, with what is on disk. */
import type { Decision, Decisions } from "../../core/contracts/decisions.ts";
import type { Channel } from "../../core/contracts/host.ts";
import type { StoreChange } from "../../core/contracts/store.ts";
import type { PeerId, Prefix } from "../../core/contracts/values.ts";
import { containsPrefix } from "../../core/wire/prefix.ts";
import type { Leaving } from "./leaving.ts";
import type { RingHost } from "./ring_host.ts";
import type { Ring } from "./ring.ts";
import { spanOf, totalSize } from "./span.ts";
import { putTakeover, removeTakeover, type StoredTakeover } from "./storage.ts";
import { decodeTakeover, type Takeover, takeoverKind, takeoverOf } from "./takeover.ts";

/** So many are ever decided: what a newcomer has to be told, and every node to keep. */
export const maxTakeovers = 1000;
/** Of them what one peer owned: else a member that leaves again and again would use up what all others may need. */
export const maxTakeoversOfOne = 128;

/** Whether voters may decide another takeover of what this peer owns. */
export function hasRoom(ring: Ring, dead: PeerId): boolean {
  const all = ring.takeovers();
  return all.length < maxTakeovers && all.filter((each) => each.dead === dead).length < maxTakeoversOfOne;
}

export class Takeovers {
  readonly #decisions: Pick<Decisions, "decided" | "recovery"> | undefined;
  #kept: readonly StoredTakeover[] = [];

  constructor(decisions: Pick<Decisions, "decided" | "recovery"> | undefined) {
    this.#decisions = decisions;
  }

  /** In order of number. */
  list(): readonly Takeover[] {
    return this.#kept;
  }

  load(stored: readonly StoredTakeover[]): void {
    this.#kept = stored.toSorted(byNumber);
  }

  /**
   * What has to be written so that the disk is as the history; nothing where both are one. The disk knows of decisions that
   * the history has not heard of yet in this life, and they hold as long as no forced list has come since.
   */
  update(): readonly StoreChange[] {
    const decided = this.#decisions?.decided(takeoverKind);
    if (decided === undefined) return [];
    const heard = decided.map(takeoverOf).filter((takeover) => takeover !== undefined);
    const recovery = this.#decisions!.recovery();
    const known = new Map(this.#kept.map((takeover) => [takeover.number, takeover]));
    const next = new Map<number, StoredTakeover>();
    for (const takeover of this.#kept) {
      if (takeover.recovery === recovery) next.set(takeover.number, takeover);
    }
    for (const takeover of heard) {
      const old = known.get(takeover.number);
      const isKnown = old !== undefined && isSame(old, takeover);
      next.set(takeover.number, isKnown ? old : { ...takeover, hasRested: false });
    }
    const gone = this.#kept.filter(({ number }) => !next.has(number));
    const fresh = [...next.values()].filter((takeover) => known.get(takeover.number) !== takeover);
    if (gone.length + fresh.length > 0) this.#kept = [...next.values()].toSorted(byNumber);
    return [...gone.map(removeTakeover), ...fresh.map(putTakeover)];
  }

  /** What `heir` has taken over, and nobody may be given yet: the dead peer's neighbours still remember it. */
  resting(heir: PeerId): readonly StoredTakeover[] {
    return this.#kept.filter((takeover) => takeover.heir === heir && !takeover.hasRested);
  }

  /** Its rest is over: what is to be written. */
  rested(numbers: ReadonlySet<number>): readonly StoreChange[] {
    const over = (takeover: StoredTakeover) => numbers.has(takeover.number) && !takeover.hasRested;
    const changed = this.#kept.filter(over).map((takeover) => ({ ...takeover, hasRested: true }));
    this.#kept = this.#kept.map((takeover) =>
      changed.find(({ number }) => number === takeover.number) ?? takeover
    );
    return changed.map(putTakeover);
  }
}

/** What a voter knows of those whom a takeover names. */
export interface TakeoverFacts {
  readonly self: PeerId;
  isMember(peer: PeerId): boolean;
  /** Somebody who is there is not taken from. */
  isUp(peer: PeerId): boolean;
  /** To whom this peer has said that it leaves its space; undefined for one that has not. */
  heirOf(peer: PeerId): PeerId | undefined;
}

export function factsOf(
  { self, members }: Pick<RingHost, "self" | "members">,
  channel: Pick<Channel, "peers">,
  leaving: Leaving,
): TakeoverFacts {
  return {
    self: self.id,
    isMember: (peer) => peer === self.id || members.known().some(({ id }) => id === peer),
    isUp: (peer) => channel.peers().includes(peer),
    heirOf: (peer) => leaving.heirOf(peer),
  };
}

/** Whether a takeover has this node's vote: all of it is the dead peer's, who is gone or wants it so. */
export function isFit(payload: Uint8Array, ring: Ring, facts: TakeoverFacts): boolean {
  const terms = decodeTakeover(payload);
  if (terms === undefined || !hasRoom(ring, terms.dead)) return false;
  const { dead, heir, prefixes } = terms;
  const isWilling = facts.heirOf(dead) === heir;
  const isGone = dead !== facts.self && !facts.isUp(dead);
  if (!isWilling && !isGone) return false;
  return facts.isMember(heir) && prefixes.every((prefix) => isWholly(ring, dead, prefix));
}

/** Whether every address of `prefix` is the peer's. */
function isWholly(ring: Ring, peer: PeerId, prefix: Prefix): boolean {
  if (!ring.root.ranges.some((range) => containsPrefix(range, prefix))) return false;
  const { start, end } = spanOf(prefix);
  return totalSize(ring.spaceOf(peer, prefix)) === end - start;
}

function isSame(left: Decision, right: Decision): boolean {
  return left.recovery === right.recovery && left.payload.length === right.payload.length &&
    left.payload.every((byte, i) => byte === right.payload[i]);
}

function byNumber(left: Takeover, right: Takeover): number {
  return left.number - right.number;
}
