/**
 * Anti-replay windows (RFC 6479) of many sessions in shared memory: the same rule as that of one session on the main
 * thread, in a form that outlives the worker. A worker that started anew with empty windows would take every datagram a
 * second time that somebody had recorded.
 *
 * For each slot 258 words of 32 bits: a lock, the newest counter plus one, zero before the first, and a ring of 256 words
 * of bits, of which one is always partly reused. So zeroed memory is windows that have seen nothing.
 *
 * Counters are 64 bits on the wire and 32 here: sessions are renewed long before, and a larger one is refused.
 *
 * Whoever calls `accept` has authenticated the packet before: a forged counter must not move the window. Others may read
 * `newest`. `reset` belongs to whoever gives a slot to a new session, before the threads that accept hear of it.
 *
 * A single thread that accepts takes no locks. Of several, each takes that of the slot, under a number of its own, so that
 * it can be taken from one that died in between. Packets of one session nearly always come to one thread, so the lock is
 * nearly always free; a form without locks was rejected, since the words that a leap clears and the newest counter cannot
 * change in one step.
 */
const wordBits = 32;
const ringWords = 256;
const stride = 2 + ringWords;
/** Places of a slot's words. */
const LOCK = 0;
const NEXT = 1;
const RING = 2;

/** Of the lock, and of a thread that takes none. */
const nobody = 0;
/** Looks at a lock that is held, before it is waited for: its holder does what is left in far less. */
const looks = 100;
/** Of a wait, after which it is looked at again; its holder was not running, and tells nobody when it is done. */
const waitMillis = 1;

/** Counters this far behind the newest one are refused. */
export const replayWindowSize = 8_128;

/** One past the highest counter that is accepted. */
const end = 2 ** 32 - 1;

export class ReplayWindows {
  readonly #words: Uint32Array;
  /** The same words, for `Atomics.wait`. */
  readonly #locks: Int32Array;
  readonly #holder: number;

  /**
   * Of as many sessions as `memory` was made for by {@link replayWindowsMemory}. `holder` is a number from 1 that no other
   * thread has that accepts, or 0 where there is none.
   */
  constructor(memory: SharedArrayBuffer, holder = nobody) {
    this.#words = new Uint32Array(memory);
    this.#locks = new Int32Array(memory);
    this.#holder = holder;
  }

  /** The highest counter accepted; −1 before the first. From any thread; makes a number on the heap. */
  newest(slot: number): number {
    return Atomics.load(this.#words, slot * stride + NEXT) - 1;
  }

  /** Whether `low`, as `accept` took it just now, is the highest counter so far. */
  isNewest(slot: number, low: number): boolean {
    return this.#words[slot * stride + NEXT] === (low >>> 0) + 1;
  }

  /**
   * True once for each counter, `high * 2^32 + low`, that is not too old; then false. Each half may be given as a signed or
   * unsigned number of 32 bits.
   */
  accept(slot: number, low: number, high: number): boolean {
    const counter = low >>> 0;
    if (high !== 0 || counter >= end) return false;
    const base = slot * stride;
    if (this.#holder === nobody) return this.#judge(base, counter);
    this.#lock(base);
    const verdict = this.#judge(base, counter);
    Atomics.store(this.#words, base + LOCK, nobody);
    return verdict;
  }

  /** Forgets what a slot has seen, for a session with new keys. */
  reset(slot: number): void {
    this.#words.fill(0, slot * stride, (slot + 1) * stride);
  }

  /** Main, when this holder does not run any more: others would wait for it for ever. */
  release(holder: number): void {
    for (let at = LOCK; at < this.#words.length; at += stride) {
      Atomics.compareExchange(this.#words, at, holder, nobody);
    }
  }

  #judge(base: number, counter: number): boolean {
    const next = this.#words[base + NEXT]!;
    if (counter + replayWindowSize < next) return false;
    if (counter >= next) this.#advance(base, counter);
    const at = base + RING + ((counter >>> 5) & (ringWords - 1));
    const bit = 1 << (counter & (wordBits - 1));
    const word = this.#words[at]!;
    if ((word & bit) !== 0) return false;
    this.#words[at] = word | bit;
    return true;
  }

  /**
   * Clears the words between the newest counter and `counter`, at most the whole ring. The newest counter changes first: a
   * thread that is ended halfway leaves a window that refuses too much. The other way round it would accept again.
   */
  #advance(base: number, counter: number): void {
    const newest = this.#words[base + NEXT]! - 1; // −1 for the first counter: word 0 is cleared as well
    const from = Math.floor(newest / wordBits);
    const steps = Math.min((counter >>> 5) - from, ringWords);
    this.#words[base + NEXT] = counter + 1;
    for (let step = 1; step <= steps; step++) {
      this.#words[base + RING + ((from + step) & (ringWords - 1))] = 0;
    }
  }

  #lock(base: number): void {
    const at = base + LOCK;
    for (let look = 1;; look++) {
      const held = Atomics.compareExchange(this.#words, at, nobody, this.#holder);
      if (held === nobody) return;
      if (look % looks === 0) Atomics.wait(this.#locks, at, held, waitMillis);
    }
  }
}

/** Under which a worker takes locks. */
export function holderOf(worker: number): number {
  return worker + 1;
}

/** Memory for `slots` windows, all of them new. */
export function replayWindowsMemory(slots: number): SharedArrayBuffer {
  return new SharedArrayBuffer(4 * stride * slots);
}
