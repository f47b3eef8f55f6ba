import type { Millis } from "../contracts/values.ts";

export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** Lets `burst` through at once and `perSecond` in the long run. It is full before its first use. */
export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #filled: Millis = 0;

  constructor(rate: Rate) {
    this.#rate = rate;
    this.#tokens = rate.burst;
  }

  /** Takes one of the tokens there are at `now`; false when there is none. */
  take(now: Millis): boolean {
    const { perSecond, burst } = this.#rate;
    const grown = this.#tokens + ((now - this.#filled) * perSecond) / 1000;
    this.#tokens = Math.min(burst, grown);
    this.#filled = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
