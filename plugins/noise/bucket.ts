/** A token bucket: `perSecond` on average, `burst` in a row after a pause. */
import type { Millis } from "../../core/contracts/values.ts";

export class TokenBucket {
  readonly #perMilli: number;
  readonly #burst: number;
  #tokens: number;
  #at: Millis;

  /** Full at `now`. */
  constructor(rate: { readonly perSecond: number; readonly burst: number }, now: Millis) {
    this.#perMilli = rate.perSecond / 1_000;
    this.#burst = rate.burst;
    this.#tokens = rate.burst;
    this.#at = now;
  }

  has(now: Millis, amount = 1): boolean {
    this.#tokens = Math.min(this.#burst, this.#tokens + Math.max(0, now - this.#at) * this.#perMilli);
    this.#at = now;
    return this.#tokens >= amount;
  }

  /** Takes `amount` tokens if there are as many. */
  take(now: Millis, amount = 1): boolean {
    if (!this.has(now, amount)) return false;
    this.#tokens -= amount;
    return true;
  }
}
