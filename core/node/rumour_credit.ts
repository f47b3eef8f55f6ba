/**
 * How many of the records that came by comparison become rumours: pure, time is handed in. After a partition there are
 * thousands of them, which would push all other news out of what each member keeps; then those nearby compare as well.
 */
import type { Millis } from "../contracts/values.ts";

export const rumoursAtOnce = 32;
const rumoursEach = 8 / 1000;

export class RumourCredit {
  #left = rumoursAtOnce;
  #at: Millis = 0;

  /** False, and nothing is taken, where there is not enough for all of them. */
  take(count: number, now: Millis): boolean {
    this.#left = Math.min(rumoursAtOnce, this.#left + (now - this.#at) * rumoursEach);
    this.#at = now;
    if (count > this.#left) return false;
    this.#left -= count;
    return true;
  }
}
