/**
 * What containers have sent and is not sealed yet: FQ-CoDel, RFC 8290, over frames in the arena. Each flow has a queue of its
 * own; one that begins, or sends little, is served before those that fill theirs, and the others share by bytes. So a ping
 * does not stand behind a bulk transfer, and one slow flow behind another.
 *
 * The device's own queue is first come, first served, and 64 KiB a frame, so frames are taken out of it as soon as they
 * are there, and wait here. Places come in two sizes, for most frames are either super-frames or small.
 */
import type { ArenaPlan } from "./arena_plan.ts";
import { Codel } from "./codel.ts";

export interface FairQueueSizes {
  /** Bytes of the longest frame, and how many such places there are. */
  readonly longest: number;
  readonly large: number;
  /** Bytes of a small frame, and how many places for those. */
  readonly short: number;
  readonly small: number;
  /** In front of each place, for headers. */
  readonly headroom: number;
}

/** A power of two. Two flows in one queue only share it. */
const flows = 256;
/** Bytes that a flow may send before the next one. After a frame that is longer it waits until the others had as much. */
const quantum = 16_384;
const NONE = -1;
/** Sizes of places. */
const [large, small] = [0, 1];
/** Of a flow: in no list, in that of new ones, in that of old ones. */
const [idle, fresh, old] = [0, 1, 2];

export class FairQueue {
  readonly #sizes: FairQueueSizes;
  readonly #codel = new Codel(flows);
  readonly #offsets: Int32Array;
  readonly #lengths: Int32Array;
  /** In ticks, see `codel.ts`. */
  readonly #times: Int32Array;
  readonly #nextPlace: Int32Array;
  readonly #head = new Int32Array(flows).fill(NONE);
  readonly #tail = new Int32Array(flows).fill(NONE);
  /** Places that each flow has, those of one size behind those of the other. */
  readonly #held = new Int32Array(2 * flows);
  readonly #deficit = new Int32Array(flows);
  readonly #list = new Uint8Array(flows);
  readonly #nextFlow = new Int32Array(flows).fill(NONE);
  /** Of the lists of flows, by their kind. */
  readonly #first = new Int32Array(3).fill(NONE);
  readonly #last = new Int32Array(3).fill(NONE);
  /** Of each size. At least one large one is free, for what is read next. */
  readonly #firstFree = new Int32Array(2).fill(NONE);
  #waiting = 0;
  #dropped = 0;

  constructor(plan: ArenaPlan, sizes: FairQueueSizes) {
    this.#sizes = sizes;
    const { longest, short, headroom } = sizes;
    const places = sizes.large + sizes.small;
    this.#offsets = new Int32Array(places);
    this.#lengths = new Int32Array(places);
    this.#times = new Int32Array(places);
    this.#nextPlace = new Int32Array(places).fill(NONE);
    for (let place = places - 1; place >= 0; place--) {
      this.#offsets[place] = plan.take(headroom + (this.#sizeOf(place) === large ? longest : short)) +
        headroom;
      this.#free(place);
    }
  }

  /** Frames that wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Frames dropped since this was last asked: too long in their queue, or the fattest flow's when all places were taken. */
  takeDropped(): number {
    const dropped = this.#dropped;
    this.#dropped = 0;
    return dropped;
  }

  /** Offset of room for the longest frame, which is the next one's. */
  room(): number {
    return this.#offsets[this.#firstFree[large]!]!;
  }

  /**
   * The frame that was written to {@link room} begins to wait; where its place was the last one, the fattest flow loses its
   * oldest. `hash` tells flows apart; `bytes` is the arena.
   */
  add(bytes: Uint8Array, length: number, hash: number, now: number): void {
    const place = this.#placeFor(bytes, length);
    this.#lengths[place] = length;
    this.#times[place] = now;
    this.#nextPlace[place] = NONE;
    const flow = hash & (flows - 1);
    if (this.#head[flow] === NONE) this.#head[flow] = place;
    else this.#nextPlace[this.#tail[flow]!] = place;
    this.#tail[flow] = place;
    this.#held[flows * this.#sizeOf(place) + flow]! += 1;
    this.#waiting++;
    if (this.#list[flow] === idle) {
      this.#deficit[flow] = quantum;
      this.#append(fresh, flow);
    }
    this.#makeRoom(large);
  }

  /** The place of the frame whose turn it is, which is the caller's until {@link release}; −1 when none waits. */
  next(now: number): number {
    for (;;) {
      const kind = this.#first[fresh] !== NONE ? fresh : old;
      const flow = this.#first[kind]!;
      if (flow === NONE) return NONE;
      if (this.#deficit[flow]! <= 0) {
        this.#deficit[flow]! += quantum;
        this.#move(kind, old);
        continue;
      }
      const place = this.#take(flow, now);
      if (place !== NONE) {
        this.#deficit[flow]! -= this.#lengths[place]!;
        return place;
      }
      // An empty new flow goes behind the old ones once, so that none can be new again and again (RFC 8290 §4.2).
      if (kind === fresh && this.#first[old] !== NONE) this.#move(fresh, old);
      else this.#remove(kind);
    }
  }

  offset(place: number): number {
    return this.#offsets[place]!;
  }

  length(place: number): number {
    return this.#lengths[place]!;
  }

  release(place: number): void {
    this.#free(place);
  }

  /** Small frames move to a small place: were they to keep large ones, a flood of them would leave none to the others. */
  #placeFor(bytes: Uint8Array, length: number): number {
    const size = length > this.#sizes.short ? large : small;
    if (size === small) this.#makeRoom(small);
    const place = this.#firstFree[size]!;
    if (size === small) {
      const from = this.room();
      bytes.copyWithin(this.#offsets[place]!, from, from + length);
    }
    this.#firstFree[size] = this.#nextPlace[place]!;
    return place;
  }

  #sizeOf(place: number): number {
    return place < this.#sizes.large ? large : small;
  }

  #take(flow: number, now: number): number {
    for (;;) {
      const place = this.#head[flow]!;
      if (place === NONE) return NONE;
      const isLast = this.#nextPlace[place] === NONE;
      const drops = this.#codel.drops(flow, this.#times[place]!, now, isLast);
      this.#unlink(flow, place);
      if (!drops) return place;
      this.#drop(place);
    }
  }

  #unlink(flow: number, place: number): void {
    this.#head[flow] = this.#nextPlace[place]!;
    this.#held[flows * this.#sizeOf(place) + flow]! -= 1;
    this.#waiting--;
    if (this.#head[flow] === NONE) this.#codel.emptied(flow);
  }

  /**
   * RFC 8290 §4.1.2, but that the fattest flow is the one with the most places of that size, not bytes: of what is short, so
   * that nobody loses what would make no room. Flows are few, and this happens only where more comes than can be carried.
   */
  #makeRoom(size: number): void {
    while (this.#firstFree[size] === NONE) {
      const from = flows * size;
      let fattest = 0;
      for (let flow = 1; flow < flows; flow++) {
        if (this.#held[from + flow]! > this.#held[from + fattest]!) fattest = flow;
      }
      const place = this.#head[fattest]!;
      this.#unlink(fattest, place);
      this.#drop(place);
    }
  }

  #drop(place: number): void {
    this.#dropped++;
    this.#free(place);
  }

  /** The one that was used last is the first to be used again: it is still in the cache. */
  #free(place: number): void {
    const size = this.#sizeOf(place);
    this.#nextPlace[place] = this.#firstFree[size]!;
    this.#firstFree[size] = place;
  }

  #append(kind: number, flow: number): void {
    this.#list[flow] = kind;
    this.#nextFlow[flow] = NONE;
    if (this.#first[kind] === NONE) this.#first[kind] = flow;
    else this.#nextFlow[this.#last[kind]!] = flow;
    this.#last[kind] = flow;
  }

  #remove(kind: number): void {
    const flow = this.#first[kind]!;
    this.#first[kind] = this.#nextFlow[flow]!;
    this.#list[flow] = idle;
  }

  #move(from: number, to: number): void {
    const flow = this.#first[from]!;
    this.#remove(from);
    this.#append(to, flow);
  }
}
