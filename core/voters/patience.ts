import type { Millis } from "../contracts/values.ts";

const longest: Millis = 60_000;

/**
 * When to outbid a ballot that does not come to an end. The clock begins anew with every sign of life, so who waits
 * least, the voter in the lowest place, finds the others waiting; what fails twice is tried half as often, so that a
 * voter without a majority writes to its disk once in a few minutes.
 */
export class Patience {
  readonly #unit: Millis;
  #seen: string | undefined;
  #since: Millis = 0;
  #failures = 0;
  #deadline: Millis | undefined;

  constructor(unit: Millis) {
    this.#unit = unit;
  }

  /** Where the slot stands, as far as others are concerned. */
  see(state: string, now: Millis): void {
    if (state === this.#seen) return;
    this.#seen = state;
    this.#since = now;
  }

  /** Whether the wait of so many turns is over; if so the next takes longer. No turn is no wait. */
  isOver(now: Millis, turns: number): boolean {
    const wait = Math.min(this.#unit * 2 ** this.#failures, longest) * turns;
    if (now < this.#since + wait) {
      this.#deadline = this.#since + wait;
      return false;
    }
    this.#failures = turns === 0 ? 0 : Math.min(this.#failures + 1, 10);
    this.#deadline = undefined;
    return true;
  }

  /** There is nothing to wait for. */
  rest(): void {
    this.#deadline = undefined;
    this.#failures = 0;
  }

  get deadline(): Millis | undefined {
    return this.#deadline;
  }
}
