/**
 * Anti-replay windows (RFC 6479) of many sessions in shared memory: the same rule as that of one session on the main
 * thread, in a form that outlives the worker. A worker that started anew with empty windows would take every datagram a
 * second time that somebody had recorded.
 *
 * For each slot 257 words of 32 bits: the newest counter plus one, zero before the first, and a ring of 256 words of
 * bits, of which one is always partly reused. So zeroed memory is windows that have seen nothing.
 *
 * Counters are 64 bits on the wire and 32 here: sessions are renewed long before, and a larger one is refused.
 *
 * Whoever calls `accept` has authenticated the packet before: a forged counter must not move the window. One thread
 * accepts; others may read `newest`. `reset` belongs to whoever gives a slot to a new session, before that thread hears of
 * it.
 */
const wordBits = 32;
const ringWords = 256;
const stride = 1 + ringWords;

/** Counters this far behind the newest one are refused. */
export const replayWindowSize = 8_128;

/** One past the highest counter that is accepted. */
const end = 2 ** 32 - 1;

export class ReplayWindows {
  readonly #words: Uint32Array;

  /** Of as many sessions as `memory` was made for by {@link replayWindowsMemory}. */
  constructor(memory: SharedArrayBuffer) {
    this.#words = new Uint32Array(memory);
  }

  /** The highest counter accepted; −1 before the first. From any thread; makes a number on the heap. */
  newest(slot: number): number {
    return Atomics.load(this.#words, slot * stride) - 1;
  }

  /** Whether `low`, as `accept` took it just now, is the highest counter so far. */
  isNewest(slot: number, low: number): boolean {
    return this.#words[slot * stride] === (low >>> 0) + 1;
  }

  /**
   * True once for each counter, `high * 2^32 + low`, that is not too old; then false. Each half may be given as a signed or
   * unsigned number of 32 bits.
   */
  accept(slot: number, low: number, high: number): boolean {
    const counter = low >>> 0;
    if (high !== 0 || counter >= end) return false;
    const base = slot * stride;
    const next = this.#words[base]!;
    if (counter + replayWindowSize < next) return false;
    if (counter >= next) this.#advance(base, counter);
    const at = base + 1 + ((counter >>> 5) & (ringWords - 1));
    const bit = 1 << (counter & (wordBits - 1));
    const word = this.#words[at]!;
    if ((word & bit) !== 0) return false;
    this.#words[at] = word | bit;
    return true;
  }

  /** Forgets what a slot has seen, for a session with new keys. */
  reset(slot: number): void {
    this.#words.fill(0, slot * stride, (slot + 1) * stride);
  }

  /** Clears the words between the newest counter and `counter`, at most the whole ring. */
  #advance(base: number, counter: number): void {
    const newest = this.#words[base]! - 1; // −1 for the first counter: word 0 is cleared as well
    const from = Math.floor(newest / wordBits);
    const steps = Math.min((counter >>> 5) - from, ringWords);
    for (let step = 1; step <= steps; step++) {
      this.#words[base + 1 + ((from + step) & (ringWords - 1))] = 0;
    }
    this.#words[base] = counter + 1;
  }
}

/** Memory for `slots` windows, all of them new. */
export function replayWindowsMemory(slots: number): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * stride * slots);
}
