/**
 * What the threads share about each session, in memory that outlives the worker: the counter of what is sent, which
 * both take numbers from, and what the worker has carried.
 *
 * A slot has three states, and only the worker's word makes an ended one free again: as long as the worker may hold the
 * old key, a counter set back to zero would seal two packets with one key and one number.
 *
 *     free --open (main)--> live --end (main)--> ending --freed (worker)--> free
 *                                                ending --reclaim (main, the worker is gone)--> free
 *
 * Sums are 64-bit floats with one writer, the worker: exact up to 2^53, and an aligned one is written whole on every
 * machine with 64-bit stores. Atomic 64-bit integers would be BigInts, an allocation per packet.
 */
const FREE = 0;
const LIVE = 1;
const ENDING = 2;

/** Of each slot: state and counter as Int32, then the sums. */
const sums = ["packetsIn", "bytesIn", "packetsOut", "bytesOut"] as const;
const stride = 8 + 8 * sums.length;

/** What a worker that died may have taken and not told: skipped by {@link SessionCells.jumpCounters}. */
const jump = 2 ** 20;

/** As −1 is a counter to nobody, so is all below; from here no number of additions comes back to zero. */
const wornOut = -(2 ** 31);

export interface SessionTraffic {
  /** Numbers taken so far by both threads; 2^31 when no more are to be had. */
  readonly sent: number;
  /** Data packets and their bytes that the worker opened and sealed, without headers of the underlay. */
  readonly packetsIn: number;
  readonly bytesIn: number;
  readonly packetsOut: number;
  readonly bytesOut: number;
}

/** Memory for `slots` sessions, all slots free. */
export function sessionCellsMemory(slots: number): SharedArrayBuffer {
  return new SharedArrayBuffer(stride * slots);
}

export class SessionCells {
  readonly capacity: number;
  readonly #state: Int32Array;
  readonly #sent: Int32Array;
  readonly #packetsIn: Float64Array;
  readonly #bytesIn: Float64Array;
  readonly #packetsOut: Float64Array;
  readonly #bytesOut: Float64Array;

  constructor(memory: SharedArrayBuffer) {
    const slots = Math.floor(memory.byteLength / stride);
    const sumsOf = (index: number) => new Float64Array(memory, 8 * slots * index, slots);
    this.capacity = slots;
    this.#packetsIn = sumsOf(0);
    this.#bytesIn = sumsOf(1);
    this.#packetsOut = sumsOf(2);
    this.#bytesOut = sumsOf(3);
    this.#state = new Int32Array(memory, 8 * slots * sums.length, slots);
    this.#sent = new Int32Array(memory, 8 * slots * sums.length + 4 * slots, slots);
  }

  /** Main: a slot for a session with new keys, its counter and sums at zero; −1 when none is free. */
  open(): number {
    for (let slot = 0; slot < this.capacity; slot++) {
      if (Atomics.load(this.#state, slot) !== FREE) continue;
      this.#packetsIn[slot] =
        this.#bytesIn[slot] =
        this.#packetsOut[slot] =
        this.#bytesOut[slot] =
          0;
      Atomics.store(this.#sent, slot, 0);
      Atomics.store(this.#state, slot, LIVE);
      return slot;
    }
    return -1;
  }

  /** Main: no more counters for this session. The slot is free once the worker has said so. */
  end(slot: number): void {
    if (Atomics.compareExchange(this.#state, slot, LIVE, ENDING) === LIVE) this.#wearOut(slot);
  }

  /** Worker: the keys of this ended session are gone. */
  freed(slot: number): void {
    Atomics.compareExchange(this.#state, slot, ENDING, FREE);
  }

  /** Main, when no worker runs: nobody else can free what was ending. */
  reclaim(): void {
    for (let slot = 0; slot < this.capacity; slot++) this.freed(slot);
  }

  isLive(slot: number): boolean {
    return Atomics.load(this.#state, slot) === LIVE;
  }

  /**
   * Either thread, before it seals: the first of `count` counters that nobody else has, or −1 when the session has
   * ended or is worn out, after 2^31 packets; then it must not be sealed in any more.
   */
  take(slot: number, count: number): number {
    const first = Atomics.add(this.#sent, slot, count);
    if (first >= 0 && first + count <= 2 ** 31) return first;
    this.#wearOut(slot);
    return -1;
  }

  /** Worker. */
  received(slot: number, bytes: number): void {
    this.#packetsIn[slot]! += 1;
    this.#bytesIn[slot]! += bytes;
  }

  /** Worker. */
  sealed(slot: number, bytes: number): void {
    this.#packetsOut[slot]! += 1;
    this.#bytesOut[slot]! += bytes;
  }

  /** Data packets that the worker opened so far, the one figure that is asked for often. */
  packetsIn(slot: number): number {
    return this.#packetsIn[slot]!;
  }

  traffic(slot: number): SessionTraffic {
    const sent = Atomics.load(this.#sent, slot);
    return {
      sent: sent < 0 ? 2 ** 31 : sent,
      packetsIn: this.#packetsIn[slot]!,
      bytesIn: this.#bytesIn[slot]!,
      packetsOut: this.#packetsOut[slot]!,
      bytesOut: this.#bytesOut[slot]!,
    };
  }

  /** Main, after a worker died and before the next one runs. */
  jumpCounters(): void {
    for (let slot = 0; slot < this.capacity; slot++) {
      if (this.isLive(slot)) this.take(slot, jump);
    }
  }

  #wearOut(slot: number): void {
    Atomics.store(this.#sent, slot, wornOut);
  }
}
