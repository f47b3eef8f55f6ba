/**
 * Frames that neighbours have and this node has not: after a while they are asked for, one neighbour after the other. What
 * one neighbour names is bounded, so that one who invents frames hides none that others name.
 *
 * Who is in the tree is asked soon: if that one has the frame, what it sent was lost. Where the tree itself is broken all that
 * hang below miss the frame, and were each to ask whoever names it, the tree would be mended in a hundred places and cut
 * again in as many. So they wait for times by chance, of which most are long, as receivers of NORM do (RFC 5740 §5.4.1):
 * one of them asks, and hands on to the others what it gets.
 */
import type { Millis, PeerId } from "../contracts/values.ts";
import type { FrameId } from "./gossip_message.ts";
import { keyOf } from "./kept_frames.ts";

export const missingTimes = {
  /** Before a neighbour in the tree is asked: a digest may overtake its frame. */
  patience: 150 as Millis,
  /** Before any other is: ways along the tree are longer than the shortest. */
  withTree: 600 as Millis,
  /** And as much more, at most. */
  backoff: 2_000 as Millis,
  /** Until the next neighbour is asked: longer than a round trip between most places. */
  retry: 400 as Millis,
} as const;

/** Of one neighbour, less what has come since. */
export const mostMissingOfOne = 128;
export const mostMissing = 4096;
/** Neighbours that are asked for one frame, at most, and how often any is. */
const mostHolders = 4;
const mostWishes = 6;
/** How many nodes may hang below a place where the tree is broken; with more a few of them ask for the same. */
const receivers = 1000;

/** This node's neighbours. */
export interface AskedLinks {
  has(peer: PeerId): boolean;
  /** Whether whole frames go along the link. */
  isEager(peer: PeerId): boolean;
}

interface Missing {
  readonly id: FrameId;
  /** The one that has named it first answers for the room that it takes. */
  readonly first: PeerId;
  /** From then on neighbours are asked that are not in the tree. */
  readonly patientUntil: Millis;
  /** The one that is to be asked last comes last. */
  holders: PeerId[];
  wishes: number;
  at: Millis;
}

export class MissingFrames {
  readonly #missing = new Map<string, Missing>();
  readonly #counts = new Map<PeerId, number>();
  readonly #chance: () => number;
  /** Never too late; what has come since may have made it too early. */
  #next: Millis = Number.POSITIVE_INFINITY;

  /** `chance`: a number from 0 up to 1. */
  constructor(chance: () => number) {
    this.#chance = chance;
  }

  get size(): number {
    return this.#missing.size;
  }

  /** When somebody may have to be asked. */
  get next(): Millis | undefined {
    return this.#missing.size === 0 ? undefined : this.#next;
  }

  /** This neighbour has a frame that this node has not. */
  named(id: FrameId, by: PeerId, now: Millis): void {
    const key = keyOf(id);
    const missing = this.#missing.get(key);
    if (missing !== undefined) {
      this.#namedAgain(missing, by, now);
      return;
    }
    const count = this.#counts.get(by) ?? 0;
    if (count >= mostMissingOfOne || this.#missing.size >= mostMissing) return;
    this.#counts.set(by, count + 1);
    const at = now + missingTimes.patience;
    this.#missing.set(key, {
      id,
      first: by,
      patientUntil: now + this.#patience(),
      holders: [by],
      wishes: 0,
      at,
    });
    this.#next = Math.min(this.#next, at);
  }

  #namedAgain(missing: Missing, by: PeerId, now: Millis): void {
    if (missing.holders.length >= mostHolders || missing.holders.includes(by)) return;
    if (missing.wishes === 0) missing.holders.push(by);
    else {
      // Those that were asked have not answered: who names a frame before there is one uses up the turns of nobody else.
      missing.holders.unshift(by);
      missing.wishes = Math.min(missing.wishes, mostWishes - 1);
    }
    // It may be the one that is in the tree.
    missing.at = Math.min(missing.at, now + missingTimes.patience);
    this.#next = Math.min(this.#next, missing.at);
  }

  /** It has come; by whom it was named. */
  found(id: FrameId): readonly PeerId[] {
    const holders = this.#missing.get(keyOf(id))?.holders ?? [];
    this.#remove(keyOf(id));
    return holders;
  }

  /**
   * Whom to ask for what now. A frame is given up when nobody that names it is a neighbour any more, or all have been asked
   * often enough.
   */
  due(now: Millis, links: AskedLinks): ReadonlyMap<PeerId, readonly FrameId[]> {
    const wishes = new Map<PeerId, FrameId[]>();
    for (const [key, missing] of [...this.#missing]) {
      if (missing.at > now) continue;
      missing.holders = missing.holders.filter((peer) => links.has(peer));
      if (missing.holders.length === 0 || missing.wishes >= mostWishes) this.#remove(key);
      else this.#ask(missing, now, links, wishes);
    }
    this.#next = Math.min(Number.POSITIVE_INFINITY, ...[...this.#missing.values()].map(({ at }) => at));
    return wishes;
  }

  #ask(missing: Missing, now: Millis, links: AskedLinks, wishes: Map<PeerId, FrameId[]>): void {
    // Whoever is asked is in the tree from then on, so this is for the first time: then all have their turns.
    const isFirst = missing.wishes === 0;
    const inTree = isFirst ? missing.holders.find((peer) => links.isEager(peer)) : undefined;
    const isTime = !isFirst || now >= missing.patientUntil;
    const holder = inTree ?? (isTime ? missing.holders[0] : undefined);
    missing.at = holder === undefined ? missing.patientUntil : now + missingTimes.retry;
    if (holder === undefined) return;
    missing.holders = [...missing.holders.filter((peer) => peer !== holder), holder];
    missing.wishes++;
    const ids = wishes.get(holder) ?? [];
    ids.push(missing.id);
    wishes.set(holder, ids);
  }

  /** Truncated exponential: of {@link receivers} nodes one or two ask in the first tenth of the time. */
  #patience(): Millis {
    const { withTree, backoff } = missingTimes;
    const steepness = Math.log(receivers) + 1;
    return withTree + (backoff / steepness) * Math.log(this.#chance() * (Math.exp(steepness) - 1) + 1);
  }

  #remove(key: string): void {
    const missing = this.#missing.get(key);
    if (missing === undefined) return;
    this.#missing.delete(key);
    const count = this.#counts.get(missing.first)! - 1;
    if (count > 0) this.#counts.set(missing.first, count);
    else this.#counts.delete(missing.first);
  }
}
