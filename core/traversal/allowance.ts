/** How often somebody may make this node do something: a few times at once, and once more after each interval. */
import type { Millis } from "../contracts/values.ts";

export class Allowance {
  readonly #burst: number;
  readonly #every: Millis;
  #left: number;
  #asOf: Millis;

  constructor(burst: number, every: Millis, now: Millis) {
    this.#burst = burst;
    this.#every = every;
    this.#left = burst;
    this.#asOf = now;
  }

  /** False: not now. */
  take(now: Millis): boolean {
    const regained = Math.floor((now - this.#asOf) / this.#every);
    this.#left = Math.min(this.#burst, this.#left + regained);
    this.#asOf += regained * this.#every;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
