/**
 * What the threads share about each session, in memory that outlives the workers: the counter of what is sent, which all
 * take numbers from, and what each worker has carried.
 *
 * A slot has three states, and only the word of every worker makes an ended one free again: as long as one of them may
 * hold the old key, a counter set back to zero would seal two packets with one key and one number.
 *
 *     free --open (main)--> live --end (main)--> ending --freed (each worker)--> free
 *                                                ending --reclaim (main, for a worker that is gone)--> free
 *
 * An ending slot has one bit for each worker that has not said so yet. To count them instead was rejected: a worker that
 * had said so and died then would be counted twice.
 *
 * Sums are 64-bit floats with one writer each, so every worker has sums of its own: exact up to 2^53, and an aligned one
 * is written whole on every machine with 64-bit stores. Atomic 64-bit integers would be BigInts, an allocation per packet.
 */
import { mostWorkers } from "./datapath_limits.ts";

const FREE = 0;
/** Beside the bits of the workers, so that what one of them says of an older session changes nothing. */
const LIVE = 1 << mostWorkers;

/** Of each slot: state and counter as Int32; of each slot and worker: the sums. Before all, the number of workers. */
const headerLength = 8;
const wordsLength = 8;
const sums = 12;

/** What a worker that died may have taken and not told: skipped by {@link SessionCells.jumpCounters}. */
const jump = 2 ** 20;

/** As −1 is a counter to nobody, so is all below; from here no number of additions comes back to zero. */
const wornOut = -(2 ** 31);

export interface SessionTraffic {
  /** Numbers taken so far by all threads; 2^31 when no more are to be had. */
  readonly sent: number;
  /** Data packets and their bytes that the workers carried, sealed or in plain, without headers of the underlay. */
  readonly packetsIn: number;
  readonly bytesIn: number;
  readonly packetsOut: number;
  readonly bytesOut: number;
}

/** Messages of a peer that were passed on, and their bytes without what is sealed around them. */
export interface PassedOn {
  readonly packets: number;
  readonly bytes: number;
}

/** Memory for `slots` sessions, all slots free, and for `workers` that carry their packets. */
export function sessionCellsMemory(slots: number, workers = 1): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(headerLength + slots * (wordsLength + 8 * sums * workers));
  new Int32Array(memory)[0] = workers;
  return memory;
}

export class SessionCells {
  readonly capacity: number;
  /** How many there are; numbered from 0. */
  readonly workers: number;
  readonly #worker: number;
  readonly #everyWorker: number;
  readonly #state: Int32Array;
  readonly #sent: Int32Array;
  /** Of the worker itself. */
  readonly #packetsIn: Float64Array;
  readonly #bytesIn: Float64Array;
  readonly #packetsOut: Float64Array;
  readonly #bytesOut: Float64Array;
  /** The same of what crossed in plain. Apart, because only what was sealed is a sign of life. */
  readonly #plainPacketsIn: Float64Array;
  readonly #plainBytesIn: Float64Array;
  readonly #plainPacketsOut: Float64Array;
  readonly #plainBytesOut: Float64Array;
  /** Relayed messages that were opened; messages that came on another way than packets to the peer take; those passed on. */
  readonly #relayed: Float64Array;
  readonly #strayed: Float64Array;
  readonly #passedPackets: Float64Array;
  readonly #passedBytes: Float64Array;
  /** Of all: worker by worker, in each sum by sum, in each slot by slot. */
  readonly #sums: Float64Array;

  /** `worker` is that of this thread; the main thread gives none. */
  constructor(memory: SharedArrayBuffer, worker = 0) {
    const workers = this.workers = new Int32Array(memory, 0, 1)[0]!;
    const slots = (memory.byteLength - headerLength) / (wordsLength + 8 * sums * workers);
    const sumsLength = 8 * sums * slots * workers;
    this.capacity = slots;
    this.#worker = worker;
    this.#everyWorker = (1 << workers) - 1;
    this.#sums = new Float64Array(memory, headerLength, sums * slots * workers);
    const own = (sum: number) => this.#sums.subarray((worker * sums + sum) * slots).subarray(0, slots);
    this.#packetsIn = own(0);
    this.#bytesIn = own(1);
    this.#packetsOut = own(2);
    this.#bytesOut = own(3);
    this.#plainPacketsIn = own(4);
    this.#plainBytesIn = own(5);
    this.#plainPacketsOut = own(6);
    this.#plainBytesOut = own(7);
    this.#relayed = own(8);
    this.#strayed = own(9);
    this.#passedPackets = own(10);
    this.#passedBytes = own(11);
    this.#state = new Int32Array(memory, headerLength + sumsLength, slots);
    this.#sent = new Int32Array(memory, headerLength + sumsLength + 4 * slots, slots);
  }

  /** Main: a slot for a session with new keys, its counter and sums at zero; −1 when none is free. */
  open(): number {
    for (let slot = 0; slot < this.capacity; slot++) {
      if (Atomics.load(this.#state, slot) !== FREE) continue;
      for (let at = slot; at < this.#sums.length; at += this.capacity) this.#sums[at] = 0;
      Atomics.store(this.#sent, slot, 0);
      Atomics.store(this.#state, slot, LIVE);
      return slot;
    }
    return -1;
  }

  /** Main: no more counters for this session. The slot is free once every worker has said so. */
  end(slot: number): void {
    const before = Atomics.compareExchange(this.#state, slot, LIVE, this.#everyWorker);
    if (before === LIVE) this.#wearOut(slot);
  }

  /** Worker: the keys of this ended session are gone here. */
  freed(slot: number): void {
    this.#letGo(slot, this.#worker);
  }

  /** Main, when this worker does not run: nobody else can say that it holds no keys any more. */
  reclaim(worker = 0): void {
    for (let slot = 0; slot < this.capacity; slot++) this.#letGo(slot, worker);
  }

  isLive(slot: number): boolean {
    return Atomics.load(this.#state, slot) === LIVE;
  }

  /**
   * Any thread, before it seals: the first of `count` counters that nobody else has, or −1 when the session has
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

  /** Worker: a packet of the peer of this session, outside of it. */
  receivedPlain(slot: number, bytes: number): void {
    this.#plainPacketsIn[slot]! += 1;
    this.#plainBytesIn[slot]! += bytes;
  }

  /** Worker. */
  sentPlain(slot: number, bytes: number): void {
    this.#plainPacketsOut[slot]! += 1;
    this.#plainBytesOut[slot]! += bytes;
  }

  /** Worker: a relayed message. It is a sign of life, and no packet of the peer whose session this is. */
  receivedRelayed(slot: number): void {
    this.#relayed[slot]! += 1;
  }

  /** Worker: a message of this session came from elsewhere than the peer's packets go. */
  receivedStray(slot: number): void {
    this.#strayed[slot]! += 1;
  }

  /** Worker: a message that came in this session was passed on. */
  passedOn(slot: number, bytes: number): void {
    this.#passedPackets[slot]! += 1;
    this.#passedBytes[slot]! += bytes;
  }

  strayed(slot: number): number {
    return this.#sum(9, slot);
  }

  relayed(slot: number): PassedOn {
    return { packets: this.#sum(10, slot), bytes: this.#sum(11, slot) };
  }

  /** Packets that the workers sent in plain so far. */
  plainPacketsOut(slot: number): number {
    return this.#sum(6, slot);
  }

  /** Messages that the workers opened so far, the one figure that is asked for often. */
  packetsIn(slot: number): number {
    return this.#sum(0, slot) + this.#sum(8, slot);
  }

  traffic(slot: number): SessionTraffic {
    const sent = Atomics.load(this.#sent, slot);
    return {
      sent: sent < 0 ? 2 ** 31 : sent,
      packetsIn: this.#sum(0, slot) + this.#sum(4, slot),
      bytesIn: this.#sum(1, slot) + this.#sum(5, slot),
      packetsOut: this.#sum(2, slot) + this.#sum(6, slot),
      bytesOut: this.#sum(3, slot) + this.#sum(7, slot),
    };
  }

  /** Main, after a worker died and before the next one runs. */
  jumpCounters(): void {
    for (let slot = 0; slot < this.capacity; slot++) {
      if (this.isLive(slot)) this.take(slot, jump);
    }
  }

  #letGo(slot: number, worker: number): void {
    Atomics.and(this.#state, slot, ~(1 << worker));
  }

  #sum(sum: number, slot: number): number {
    const step = sums * this.capacity;
    let total = 0;
    for (let at = sum * this.capacity + slot; at < this.#sums.length; at += step) total += this.#sums[at]!;
    return total;
  }

  #wearOut(slot: number): void {
    Atomics.store(this.#sent, slot, wornOut);
  }
}
