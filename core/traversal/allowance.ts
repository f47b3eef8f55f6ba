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

  /** When {@link take} will not be refused. */
  readyAt(now: Millis): Millis {
    this.#regain(now);
    return this.#left > 0 ? now : this.#asOf + this.#every;
  }

  /** False: not now. */
  take(now: Millis): boolean {
    this.#regain(now);
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }

  #regain(now: Millis): void {
    const regained = Math.floor((now - this.#asOf) / this.#every);
    this.#left = Math.min(this.#burst, this.#left + regained);
    this.#asOf += regained * this.#every;
  }
}
