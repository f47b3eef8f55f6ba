/**
 * How often something has to leave this node so that a translator in front of it does not forget a mapping. Nobody says how
 * long it remembers one: RFC 4787 §4.3 wants five minutes and takes two, many boxes take 30 s and some less. So it is found
 * out: a peer that sees this node under another port than before has seen a mapping die. Then half the time is kept from
 * there on, and after a long while without a loss a little more of it is tried again.
 *
 * It is of the node and not of a peer: what one mapping does, those of the same box do.
 */
import type { Millis } from "../contracts/values.ts";

/** Below the shortest that is common, and what is kept where no translator is known. */
const longest: Millis = 25_000;
/** Somewhat more than after which a silent peer is asked in any case. */
const shortest: Millis = 6_000;
/** Without a loss. */
const calmAfter: Millis = 1_800_000;
const growth = 1.25;
/** All peers tell of one loss within this time. */
const oneLoss: Millis = 60_000;

export class MappingAge {
  #every: Millis = longest;
  #lostAt: Millis = -Infinity;
  #changedAt: Millis;

  constructor(now: Millis) {
    this.#changedAt = now;
  }

  /** So long a mapping may be left alone. */
  get every(): Millis {
    return this.#every;
  }

  /** From when on {@link held} may be told, if nothing is lost until then. */
  get calmAt(): Millis {
    return this.#changedAt + calmAfter;
  }

  get mayGrow(): boolean {
    return this.#every < longest;
  }

  /** A mapping was lost; true when {@link every} is another one now. */
  lost(now: Millis): boolean {
    if (now - this.#lostAt < oneLoss) return false;
    this.#lostAt = now;
    return this.#set(Math.max(shortest, this.#every / 2), now);
  }

  /** Peers still see what they saw; true when {@link every} is another one now. */
  held(now: Millis): boolean {
    if (now - this.#changedAt < calmAfter) return false;
    return this.#set(Math.min(longest, this.#every * growth), now);
  }

  #set(every: Millis, now: Millis): boolean {
    const isOther = every !== this.#every;
    this.#every = every;
    this.#changedAt = now;
    return isOther;
  }
}
