/**
 * Simulated time. Between two events everything that promises have made ready runs to its end, so code written with
 * `await` behaves as if it took no time at all, and the order of events depends on nothing but the program: the same
 * run on Deno and on Node gives the same trace.
 */
import { setImmediate } from "node:timers";
import type { Clock, Timer } from "../../core/contracts/host.ts";
import type { Millis, WallMillis } from "../../core/contracts/values.ts";

/** No real program does this much at one instant; one that re-arms a timer in the past does. */
const mostEventsAtOnce = 100_000;

export class SimClock implements Clock {
  readonly #events = new EventQueue();
  #now: Millis = 0;
  #wallAtZero: WallMillis;
  #driving = false;

  /** `wall` is the time of day at the start. */
  constructor(wall: WallMillis = Date.UTC(2030, 0, 1)) {
    this.#wallAtZero = wall;
  }

  now(): Millis {
    return this.#now;
  }

  wall(): WallMillis {
    return Math.floor(this.#wallAtZero + this.#now);
  }

  timer(at: Millis, run: () => void): Timer {
    if (Number.isNaN(at)) throw new RangeError("a timer was set to NaN");
    return this.#events.add(Math.max(at, this.#now), run);
  }

  /** Timers that wait; a test that ends with some has left something running. */
  get pending(): number {
    return this.#events.size;
  }

  /** Somebody sets the time of day, forward or back; monotonic time does not notice. */
  jumpWall(by: Millis): void {
    this.#wallAtZero += by;
  }

  /** Lets `duration` pass. Rejects with what a timer throws. */
  async advance(duration: Millis): Promise<void> {
    await this.#drive(this.#now + duration, () => false);
  }

  /** Lets time pass until `done` holds, and returns how much. Rejects when it still does not after `limit`. */
  async runUntil(done: () => boolean, limit: Millis = 60_000): Promise<Millis> {
    const start = this.#now;
    if (await this.#drive(start + limit, done)) return this.#now - start;
    throw new Error(`what was waited for did not come within ${limit} simulated milliseconds`);
  }

  /** Lets time pass until the promise is settled, and gives its value. Rejects when it is not after `limit`. */
  async complete<T>(promise: Promise<T>, limit: Millis = 60_000): Promise<T> {
    let settled = false;
    const settle = () => {
      settled = true;
    };
    promise.then(settle, settle);
    await this.runUntil(() => settled, limit);
    return await promise;
  }

  /** Runs events up to `end` or until `done`, which it returns. Stops at the time of the event that made it so. */
  async #drive(end: Millis, done: () => boolean): Promise<boolean> {
    if (this.#driving) throw new Error("time is advanced inside of an advance");
    this.#driving = true;
    try {
      await drained();
      for (let atOnce = 0; !done(); atOnce++) {
        const event = this.#events.takeUntil(end);
        if (event === undefined) break;
        if (event.at > this.#now) atOnce = 0;
        if (atOnce > mostEventsAtOnce) throw new Error(`time stands still at ${this.#now} ms`);
        this.#now = event.at;
        event.run();
        await drained();
      }
      if (done()) return true;
      this.#now = Math.max(this.#now, end);
      return false;
    } finally {
      this.#driving = false;
    }
  }
}

/** Resolves when all microtasks have run, those too that they make. `setTimeout(0)` would do the same 90 times slower. */
function drained(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

interface SimEvent extends Timer {
  readonly at: Millis;
  readonly sequence: number;
  readonly run: () => void;
  cancelled: boolean;
}

/** A binary heap by time, then by order of arrival. Cancelled events stay until their time or until they are many. */
class EventQueue {
  #heap: SimEvent[] = [];
  #sequence = 0;
  #cancelled = 0;

  get size(): number {
    return this.#heap.length - this.#cancelled;
  }

  add(at: Millis, run: () => void): Timer {
    const event: SimEvent = {
      at,
      run,
      sequence: this.#sequence++,
      cancelled: false,
      cancel: () => this.#cancel(event),
    };
    this.#heap.push(event);
    this.#rise(this.#heap.length - 1);
    return event;
  }

  /** Removes the first event, unless it is later than `end`. */
  takeUntil(end: Millis): SimEvent | undefined {
    for (let first = this.#heap[0]; first !== undefined && first.at <= end; first = this.#heap[0]) {
      this.#removeFirst();
      if (!first.cancelled) {
        first.cancelled = true; // so that a later cancel() is not counted
        return first;
      }
      this.#cancelled--;
    }
    return undefined;
  }

  #cancel(event: SimEvent): void {
    if (event.cancelled) return;
    event.cancelled = true;
    this.#cancelled++;
    if (this.#cancelled > 64 && this.#cancelled > this.#heap.length / 2) this.#sweep();
  }

  #sweep(): void {
    const waiting = this.#heap.filter(({ cancelled }) => !cancelled);
    this.#heap = [];
    this.#cancelled = 0;
    for (const event of waiting) {
      this.#heap.push(event);
      this.#rise(this.#heap.length - 1);
    }
  }

  #removeFirst(): void {
    const last = this.#heap.pop()!;
    if (this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink(0);
  }

  #rise(from: number): void {
    for (let at = from; at > 0;) {
      const parent = (at - 1) >> 1;
      if (!this.#swapIfEarlier(at, parent)) return;
      at = parent;
    }
  }

  #sink(from: number): void {
    for (let at = from;;) {
      const left = 2 * at + 1;
      const right = left + 1;
      const child = right < this.#heap.length && isEarlier(this.#heap[right]!, this.#heap[left]!)
        ? right
        : left;
      if (child >= this.#heap.length || !this.#swapIfEarlier(child, at)) return;
      at = child;
    }
  }

  #swapIfEarlier(below: number, above: number): boolean {
    const [lower, upper] = [this.#heap[below]!, this.#heap[above]!];
    if (!isEarlier(lower, upper)) return false;
    this.#heap[below] = upper;
    this.#heap[above] = lower;
    return true;
  }
}

function isEarlier(left: SimEvent, right: SimEvent): boolean {
  return left.at < right.at || (left.at === right.at && left.sequence < right.sequence);
}
