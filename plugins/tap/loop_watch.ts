/**
 * When a join is taken down because its frames come around, and when it is tried again. Pure: time is handed in.
 *
 * One frame that comes back may be a device that has moved; a storm is none. A join is tried again after a minute, and
 * after twice the time whenever the loop is still there, up to an hour: a cable that is taken out is back in use without
 * anybody, and a loop that stays costs a second in an hour.
 */
import type { Millis } from "../../core/contracts/values.ts";

/** Frames that come back within a second. */
export const mostReturns = 10;
const second: Millis = 1_000;
const firstPause: Millis = 60_000;
const longestPause: Millis = 3_600_000;
/** Open for so long, a join has no past. */
const forgiven: Millis = 600_000;

interface Watched {
  since: Millis;
  returns: number;
  pause: Millis;
  openedAt: Millis;
}

export class LoopWatch {
  readonly #watched = new Map<string, Watched>();

  /** A frame came back at `join`. True when it was one too many in a second. */
  returned(join: string, now: Millis): boolean {
    const watched = this.#of(join);
    if (now - watched.since >= second) {
      watched.since = now;
      watched.returns = 0;
    }
    return ++watched.returns >= mostReturns;
  }

  /** How long the join stays down, which is taken down now. */
  blocked(join: string, now: Millis): Millis {
    const watched = this.#of(join);
    const isNew = watched.pause === 0 || now - watched.openedAt >= forgiven;
    watched.pause = isNew ? firstPause : Math.min(2 * watched.pause, longestPause);
    watched.returns = 0;
    // The time in which it is down is not a time in which it was well.
    watched.openedAt = now + watched.pause;
    return watched.pause;
  }

  forget(join: string): void {
    this.#watched.delete(join);
  }

  #of(join: string): Watched {
    const known = this.#watched.get(join);
    if (known !== undefined) return known;
    const made = { since: -Infinity, returns: 0, pause: 0, openedAt: 0 };
    this.#watched.set(join, made);
    return made;
  }
}
