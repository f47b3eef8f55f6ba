import type { Clock } from "../../core/contracts/host.ts";
import type { Millis } from "../../core/contracts/values.ts";

/** Lets `burst` through at once and `perSecond` in the long run. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #perMilli: number;
  readonly #burst: number;
  #tokens: number;
  #filled: Millis;

  constructor(clock: Clock, { perSecond, burst }: { perSecond: number; burst: number }) {
    this.#clock = clock;
    this.#perMilli = perSecond / 1000;
    this.#burst = burst;
    this.#tokens = burst;
    this.#filled = clock.now();
  }

  take(): boolean {
    const now = this.#clock.now();
    this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#filled) * this.#perMilli);
    this.#filled = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
