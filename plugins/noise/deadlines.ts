/**
 * When which part of the machine wants to be woken: a binary heap whose stale entries are skipped when they surface.
 *
 * A packet moves a peer's deadlines later, never the heap: parts keep their own times and are asked again when an early
 * entry fires. So a packet costs nothing here. Scanning all peers was rejected: with 65,536 of them every datagram
 * would pay for it.
 */
import type { Millis } from "../../core/contracts/values.ts";

/** A part of the machine that acts by time. */
export interface Timed {
  /** When it next has something to do; undefined: not until a call changes that. */
  deadline(): Millis | undefined;
  handleTimeout(now: Millis): void;
}

interface Entry {
  readonly at: Millis;
  readonly part: Timed;
}

export class Deadlines {
  readonly #heap: Entry[] = [];
  /** The one valid entry of each part. */
  readonly #entries = new Map<Timed, Entry>();

  /** To be called whenever `part.deadline()` may have moved earlier; harmless at any time. */
  update(part: Timed): void {
    const at = part.deadline();
    const known = this.#entries.get(part);
    if (at === undefined) this.#entries.delete(part);
    else if (known === undefined || known.at > at) this.#add({ at, part });
  }

  remove(part: Timed): void {
    this.#entries.delete(part);
  }

  /** The earliest time at which something may be due; it may turn out to have moved. */
  next(): Millis | undefined {
    this.#dropStale();
    return this.#heap[0]?.at;
  }

  /**
   * Lets every part act whose time has come, once each. A part that is removed meanwhile, by itself or by another one,
   * stays removed.
   */
  run(now: Millis): void {
    const due: Entry[] = [];
    for (let at = this.next(); at !== undefined && at <= now; at = this.next()) due.push(this.#take());
    for (const entry of due) {
      const { part } = entry;
      if (this.#entries.get(part) !== entry) continue;
      const at = part.deadline();
      if (at !== undefined && at <= now) part.handleTimeout(now);
      if (this.#entries.get(part) !== entry) continue;
      this.#entries.delete(part);
      this.update(part);
    }
  }

  #dropStale(): void {
    while (this.#heap.length > 0 && this.#entries.get(this.#heap[0]!.part) !== this.#heap[0]) this.#take();
  }

  #add(entry: Entry): void {
    this.#entries.set(entry.part, entry);
    const heap = this.#heap;
    let child = heap.push(entry) - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (heap[parent]!.at <= entry.at) break;
      heap[child] = heap[parent]!;
      child = parent;
    }
    heap[child] = entry;
  }

  #take(): Entry {
    const heap = this.#heap;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) this.#sink(last);
    return first;
  }

  /** Puts `entry` where the root was and lets it down to its place. */
  #sink(entry: Entry): void {
    const heap = this.#heap;
    let parent = 0;
    for (let child = 1; child < heap.length; child = 2 * parent + 1) {
      if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child += 1;
      if (heap[child]!.at >= entry.at) break;
      heap[parent] = heap[child]!;
      parent = child;
    }
    heap[parent] = entry;
  }
}
