/** Addresses in order of the moment when their rest is over. */
import type { Millis } from "../../core/contracts/values.ts";

export interface Resting {
  readonly until: Millis;
}

export class RestQueue<T extends Resting> {
  /** Ascending by `until`, from `#next` on. */
  #queue: T[] = [];
  #next = 0;

  /** Nearly always the last one: every rest is as long. */
  add(resting: T): void {
    let at = this.#queue.length;
    while (at > this.#next && this.#queue[at - 1]!.until > resting.until) at--;
    this.#queue.splice(at, 0, resting);
  }

  /** The first one whose rest is over; it is in the queue no more. */
  take(now: Millis): T | undefined {
    const first = this.#queue[this.#next];
    if (first === undefined || first.until > now) return undefined;
    this.#next++;
    if (2 * this.#next > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#next);
      this.#next = 0;
    }
    return first;
  }
}
