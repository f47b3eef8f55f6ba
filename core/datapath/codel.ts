/**
 * When to drop from a queue whose packets wait too long: CoDel, RFC 8289. A queue that is emptied now and then is left
 * alone, however long it gets; one in which every packet of a whole interval has waited longer than the target drops one, and
 * the next ones at ever shorter distances until it is short again.
 *
 * State of many queues in typed arrays. Time is in ticks of 10 microseconds that begin anew at 2^30, after three hours, so
 * that it is a small integer in every build of V8: a fraction that is handed from function to function is an allocation.
 */

export const ticksPerMilli = 100;
const mask = 2 ** 30 - 1;

/** RFC 8289 §4.2 and §4.3: right for round trips from those in a machine room to those around the world. */
export const codelTarget = 5 * ticksPerMilli;
export const codelInterval = 100 * ticksPerMilli;

const NEVER = -1;

/** Ticks of a clock with seconds and nanoseconds. */
export function ticksOf(seconds: number, nanos: number): number {
  return (Math.imul(seconds, 100_000) + ((nanos / 10_000) | 0)) & mask;
}

/** Ticks from one time to a later one, which is less than an hour and a half away. */
export function ticksBetween(earlier: number, later: number): number {
  return (later - earlier) & mask;
}

function isBefore(time: number, other: number): boolean {
  return ticksBetween(time, other) - 1 < mask >> 1 && time !== other;
}

export class Codel {
  /** When a wait that is too long now will have lasted an interval. */
  readonly #firstAbove: Int32Array;
  readonly #dropNext: Int32Array;
  readonly #count: Int32Array;
  readonly #lastCount: Int32Array;
  readonly #isDropping: Uint8Array;

  constructor(queues: number) {
    this.#firstAbove = new Int32Array(queues).fill(NEVER);
    this.#dropNext = new Int32Array(queues);
    this.#count = new Int32Array(queues);
    this.#lastCount = new Int32Array(queues);
    this.#isDropping = new Uint8Array(queues);
  }

  /**
   * Asked for the packet at the head of a queue, which has waited since `since`: whether to drop it and to ask for the next
   * one. `isLast`: there is nothing behind it, which a queue that still delivers must not lose (§4.4).
   */
  drops(queue: number, since: number, now: number, isLast: boolean): boolean {
    const isTooLong = this.#isTooLong(queue, since, now, isLast);
    if (this.#isDropping[queue] === 1) return this.#goOn(queue, now, isTooLong);
    if (!isTooLong) return false;
    this.#begin(queue, now);
    return true;
  }

  /** The queue is empty: what comes next finds it short. */
  emptied(queue: number): void {
    this.#firstAbove[queue] = NEVER;
    this.#isDropping[queue] = 0;
  }

  #isTooLong(queue: number, since: number, now: number, isLast: boolean): boolean {
    if (isLast || ticksBetween(since, now) < codelTarget) {
      this.#firstAbove[queue] = NEVER;
      return false;
    }
    if (this.#firstAbove[queue] === NEVER) {
      this.#firstAbove[queue] = (now + codelInterval) & mask;
      return false;
    }
    return !isBefore(now, this.#firstAbove[queue]!);
  }

  #goOn(queue: number, now: number, isTooLong: boolean): boolean {
    if (!isTooLong) {
      this.#isDropping[queue] = 0;
      return false;
    }
    if (isBefore(now, this.#dropNext[queue]!)) return false;
    this.#count[queue]! += 1;
    this.#dropNext[queue] = this.#after(queue, this.#dropNext[queue]!);
    return true;
  }

  /** Soon after the last time it goes on at about the rate that was enough then (§5.4). */
  #begin(queue: number, now: number): void {
    this.#isDropping[queue] = 1;
    const delta = this.#count[queue]! - this.#lastCount[queue]!;
    const isRecent = ticksBetween(this.#dropNext[queue]!, now) < 16 * codelInterval;
    this.#count[queue] = delta > 1 && isRecent ? delta : 1;
    this.#dropNext[queue] = this.#after(queue, now);
    this.#lastCount[queue] = this.#count[queue]!;
  }

  /** The control law (§4.3): drops come closer with the root of their number. */
  #after(queue: number, time: number): number {
    return (time + ((codelInterval / Math.sqrt(this.#count[queue]!)) | 0)) & mask;
  }
}
