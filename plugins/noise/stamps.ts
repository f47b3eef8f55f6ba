/**
 * The stamps of initiations: a peer refuses one that is not larger than the last it saw from this node, so that nobody
 * can replay a recorded initiation.
 *
 * A stamp is milliseconds since 1970 as this node believed when it started, plus the monotonic time since; and always
 * larger than the last one. WireGuard's trap is a clock that goes back (a dead battery, a restored image): the node
 * would be refused by every peer that remembers. So a number is kept on disk, the reserve, stamps start above it, and
 * none above it is ever used:
 *
 *     the last stamp      reserve on disk             larger reserve, being written
 *     ──────┼───────────────────┼───────────────────────────┼──────────> milliseconds
 *           └─ at least half a ─┘ the next start begins behind it
 *
 * Nobody waits for the disk as a rule: a larger reserve is asked for when the clock comes near the one on disk, or has
 * passed it in a quiet hour. While it is written stamps follow the clock up to half a reserve before the end, and go on
 * one by one from there, for 2,500 handshakes. If that is not enough, {@link Stamps.next} has none to give.
 *
 * A plain counter was rejected: after a restore it would repeat itself, the clock does not; and two clones of one node
 * could not be told apart by whose stamps keep growing. So was a stamp that is used while its reserve is being written:
 * a crash in that moment, and a clock that goes back, would shut this node out.
 */
import type { Millis, WallMillis } from "../../core/contracts/values.ts";
import { limits } from "./constants.ts";

export interface StampStart {
  readonly wall: WallMillis;
  readonly now: Millis;
  /** What was kept on disk. */
  readonly reserve: number | undefined;
  /** Called with a number that is to replace the one on disk, and not again before that one is {@link Stamps.kept}. */
  readonly keep: (reserve: number) => void;
}

export class Stamps {
  /** How far ahead the number on disk is, and what of it is left for the time that the disk takes. */
  readonly #ahead: number;
  readonly #half: number;
  #base = 1;
  #startedAt: Millis = 0;
  #last = 0;
  /** What is on disk, and what is to be. */
  #durable = Number.MAX_SAFE_INTEGER;
  #asked = Number.MAX_SAFE_INTEGER;
  #keep: (reserve: number) => void = () => {};

  /** `ahead` in the unit of all times here, which are milliseconds unless the caller has others. */
  constructor(ahead: number = limits.stampReserveMillis) {
    this.#ahead = ahead;
    this.#half = ahead / 2;
  }

  /** From now until `start` there are none: for numbers that those of an earlier life must not meet. */
  hold(): void {
    this.#durable = 0;
  }

  /**
   * Gives the number to keep on disk; until it is {@link kept} there are no stamps. Before `start` they begin at 1 and
   * are kept nowhere, which is fit for a simulation without disks; unless they are on {@link hold}.
   */
  start({ wall, now, reserve = 0, keep }: StampStart): number {
    this.#base = Math.max(Math.floor(wall), reserve + 1, this.#last + 1, 1);
    this.#startedAt = now;
    this.#last = this.#base - 1;
    this.#durable = reserve;
    this.#keep = keep;
    return this.#asked = this.#base + this.#ahead;
  }

  /** `reserve` is on disk, also after a power cut. */
  kept(reserve: number): void {
    this.#durable = Math.max(this.#durable, reserve);
  }

  /** A stamp larger than all before; undefined when the disk knows of no more. */
  next(now: Millis): number | undefined {
    const following = this.#last + 1;
    const wanted = Math.max(this.#base + Math.max(0, Math.floor(now - this.#startedAt)), following);
    this.#ask(wanted);
    const stamp = Math.max(following, Math.min(wanted, this.#durable - this.#half));
    if (stamp > this.#durable) return undefined;
    return this.#last = stamp;
  }

  /**
   * A stamp for an answer: a larger one, or that of before while the disk is waited for. An answer is new by the question's
   * ephemeral key; its stamp only tells the other side which initiations are old, and that the last one does as well. Peers
   * that ask on and on cannot use up what is left to begin handshakes with.
   */
  nextOrLast(now: Millis): number {
    const last = Math.min(this.#last, this.#durable);
    return last > this.#durable - this.#half ? last : this.next(now) ?? last;
  }

  #ask(wanted: number): void {
    if (wanted + this.#half <= this.#durable || this.#asked > this.#durable) return;
    this.#asked = wanted + this.#ahead;
    this.#keep(this.#asked);
  }
}
