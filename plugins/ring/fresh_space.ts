import type { Millis, PeerId, Prefix } from "../../core/contracts/values.ts";
import type { Takeover } from "./takeover.ts";

/** What is asked of the ring about what this node has taken over. */
export interface FreshSource {
  resting(): readonly Takeover[];
  rested(numbers: ReadonlySet<number>): void;
}

/**
 * What this node has taken over rests as a whole, since which of its addresses were in use is not known; the one it was
 * taken from may have single ones back at any time. How long it had rested when this node stopped is not known either, so
 * after a start it rests anew.
 */
export class FreshSpace {
  readonly #source: FreshSource;
  readonly #quarantine: Millis;
  /** By number of the takeover. */
  readonly #until = new Map<number, Millis>();

  constructor(source: FreshSource, quarantine: Millis) {
    this.#source = source;
    this.#quarantine = quarantine;
  }

  /** Something may have been taken over. */
  note(now: Millis): void {
    for (const { number } of this.#source.resting()) {
      if (!this.#until.has(number)) this.#until.set(number, now + this.#quarantine);
    }
  }

  tick(now: Millis): void {
    const over = [...this.#until].filter(([, until]) => until <= now).map(([number]) => number);
    for (const number of over) this.#until.delete(number);
    if (over.length > 0) this.#source.rested(new Set(over));
  }

  /** What `to` is not to be given. */
  blocks(to?: PeerId): readonly Prefix[] {
    return this.#source.resting().filter(({ dead }) => dead !== to).flatMap(({ prefixes }) => prefixes);
  }
}
