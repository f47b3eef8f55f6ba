/**
 * The stamps of initiations: a peer refuses one that is not larger than the last it saw from this node, so that nobody
 * can replay a recorded initiation.
 *
 * A stamp is milliseconds since 1970 as this node believed when it started, plus the monotonic time since; and always
 * larger than the last one. WireGuard's trap is a clock that goes back (a dead battery, a restored image): the node
 * would be refused by every peer that remembers. So a number that no stamp has passed yet is kept on disk, and stamps
 * start above it. A plain counter was rejected: after a restore it would repeat itself, the clock does not; and two
 * clones of one node could not be told apart by whose stamps keep growing.
 */
import type { Millis, WallMillis } from "../../core/contracts/values.ts";
import { limits } from "./constants.ts";

export interface StampStart {
  readonly wall: WallMillis;
  readonly now: Millis;
  /** What was kept on disk. */
  readonly reserve: number | undefined;
  /** Called with a number that is to replace the one on disk; stamps are not larger until the next call. */
  readonly keep: (reserve: number) => void;
}

export class Stamps {
  #base = 1;
  #startedAt: Millis = 0;
  #last = 0;
  #reserve = Number.MAX_SAFE_INTEGER;
  #keep: (reserve: number) => void = () => {};

  /**
   * Gives the number to keep on disk from now on; until it is there no stamp may be used. Before `start` stamps begin
   * at 1: fit for a simulation that keeps nothing.
   */
  start({ wall, now, reserve = 0, keep }: StampStart): number {
    this.#base = Math.max(Math.floor(wall), reserve + 1, this.#last + 1, 1);
    this.#startedAt = now;
    this.#keep = keep;
    return this.#reserve = this.#base + limits.stampReserveMillis;
  }

  /** A stamp larger than all before. */
  next(now: Millis): number {
    const elapsed = Math.max(0, Math.floor(now - this.#startedAt));
    this.#last = Math.max(this.#base + elapsed, this.#last + 1);
    if (this.#last > this.#reserve) {
      this.#reserve = this.#last + limits.stampReserveMillis;
      this.#keep(this.#reserve);
    }
    return this.#last;
  }
}
