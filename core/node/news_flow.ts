/**
 * Whether two may differ by what has changed lately, which is on its way and no reason to compare: pure, time is handed in.
 *
 * Where something changes all the time, in a large mesh or by one member that announces itself every second, that would
 * put off every comparison for good. So it is an excuse for ten seconds, and then again after ten without any change.
 */
import type { Millis } from "../contracts/values.ts";

const onItsWay: Millis = 2000;
const longestExcuse: Millis = 10_000;

export class NewsFlow {
  #changedAt: Millis = Number.NEGATIVE_INFINITY;
  /** Nothing had changed for a while before. */
  #since: Millis = Number.NEGATIVE_INFINITY;

  changed(now: Millis): void {
    if (now - this.#changedAt >= longestExcuse) this.#since = now;
    this.#changedAt = now;
  }

  isOnItsWay(now: Millis): boolean {
    return now - this.#changedAt < onItsWay && now - this.#since < longestExcuse;
  }
}
