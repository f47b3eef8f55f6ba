/**
 * A queue of byte records between two threads, one that writes and one that reads, in a SharedArrayBuffer. Neither side
 * waits for the other, allocates, or copies: a record is written and read where it lies.
 *
 *     0    tail: where the producer will write next     (a cache line of its own)
 *     64   head: where the consumer will read next      (the same)
 *     128  1 once the consumer found what cannot be
 *     192  capacity bytes of records
 *
 * A record is its length (Int32), four bytes of nothing and its content, rounded up to 8 bytes, so that contents are
 * aligned for every kind of array. Records do not wrap: where one does not fit before the end, a length of −1 tells the
 * consumer to go on at the start. The same is done from the middle on where all that came before was read: of memory
 * that is never written to nothing is taken from the machine, and a consumer that keeps up needs no more than half.
 * Positions count modulo twice the capacity, so that "all full" differs from "all empty", and stay small integers for
 * ever. Tail and head are stored and loaded with Atomics, which orders the plain writes of a record before the consumer's
 * reads of it.
 *
 * A full ring refuses, and the caller counts it. Overwriting the oldest instead was rejected: the consumer would have
 * to check after each read whether what it had read was still there.
 */
import { MeshError } from "../contracts/errors.ts";

const TAIL = 0;
const HEAD = 16;
const BROKEN = 32;
const controlLength = 192;
const recordHeader = 8;
const goOnAtStart = -1;

const smallest = 64;
/** Twice this is still a small integer in every build of V8. */
const largest = 2 ** 28;

/** Memory for a ring; `capacity` is a power of two from 64 to 2^28. Throws `INVALID_ARGUMENT`. */
export function ringMemory(capacity: number): SharedArrayBuffer {
  checkCapacity(capacity);
  return new SharedArrayBuffer(controlLength + capacity);
}

function checkCapacity(capacity: number): void {
  const isPower = Number.isInteger(Math.log2(capacity));
  if (isPower && capacity >= smallest && capacity <= largest) return;
  const range = `a power of two from ${smallest} to ${largest}`;
  // deno-lint-ignore selvage/no-throw-in-datapath -- a caller's mistake at the start; no packet leads here
  throw new MeshError("INVALID_ARGUMENT", `Cannot make a ring of ${capacity} bytes: use ${range}`);
}

function spanOf(length: number): number {
  return recordHeader + ((length + 7) & ~7);
}

/** What both sides see. */
class RingSide {
  /** All of the memory: offsets that `reserve` and `peek` give count in it. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Of one element that changes with every commit, for `Atomics.wait`, `waitAsync` and `notify`. */
  readonly tail: Int32Array;
  /** The same of the consumer: changes with every release. */
  readonly head: Int32Array;
  /** Length of the longest record: one of half the capacity fits wherever the last one ended. */
  readonly longest: number;
  protected readonly words: Int32Array;
  protected readonly capacity: number;

  constructor(memory: SharedArrayBuffer) {
    this.capacity = memory.byteLength - controlLength;
    checkCapacity(this.capacity);
    this.bytes = new Uint8Array(memory);
    this.view = new DataView(memory);
    this.words = new Int32Array(memory);
    this.tail = new Int32Array(memory, 4 * TAIL, 1);
    this.head = new Int32Array(memory, 4 * HEAD, 1);
    this.longest = this.capacity / 2 - recordHeader;
  }

  /** The consumer found a record that no producer wrote, and reads no more: both sides need a new ring. */
  get isBroken(): boolean {
    return Atomics.load(this.words, BROKEN) !== 0;
  }

  /** Bytes from one position to a later one. */
  protected distance(from: number, to: number): number {
    return (to - from) & (2 * this.capacity - 1);
  }

  protected after(position: number, span: number): number {
    return (position + span) & (2 * this.capacity - 1);
  }
}

/** The writing side. A new one goes on where the last one of the same memory ended. */
export class RingProducer extends RingSide {
  #tail: number;
  /** As last seen: the consumer may have freed more since. */
  #head: number;
  /** Where the reserved record will end. */
  #next: number;

  constructor(memory: SharedArrayBuffer) {
    super(memory);
    this.#tail = Atomics.load(this.words, TAIL);
    this.#head = Atomics.load(this.words, HEAD);
    this.#next = this.#tail;
  }

  /**
   * Offset in `bytes` of room for `length` bytes, or −1: the ring is full, or the length is negative or over `longest`. The
   * record is seen by the other side after {@link commit}; to reserve again instead forgets this one.
   */
  reserve(length: number): number {
    if (length < 0 || length > this.longest) return -1;
    const at = this.#tail & (this.capacity - 1);
    const span = spanOf(length);
    const rest = this.capacity - at;
    const skipped = span > rest || (at >= this.capacity / 2 && this.isDrained) ? rest : 0;
    if (!this.#hasRoom(skipped + span)) return -1;
    const start = controlLength + (skipped === 0 ? at : 0);
    if (skipped > 0) this.words[(controlLength + at) >> 2] = goOnAtStart;
    this.words[start >> 2] = length;
    this.#next = this.after(this.#tail, skipped + span);
    return start + recordHeader;
  }

  /** Hands the reserved record over. */
  commit(): void {
    this.#tail = this.#next;
    Atomics.store(this.words, TAIL, this.#tail);
  }

  /** Whether the consumer has released all that was committed. */
  get isDrained(): boolean {
    return Atomics.load(this.words, HEAD) === this.#tail;
  }

  /** The position behind what was committed so far, for {@link isReadUpTo}. */
  get mark(): number {
    return this.#tail;
  }

  /**
   * Whether the consumer has released all that was committed before the mark. Of a mark that is more than a capacity old
   * it may say so late.
   */
  isReadUpTo(mark: number): boolean {
    return this.distance(Atomics.load(this.words, HEAD), this.#tail) <= this.distance(mark, this.#tail);
  }

  /** Wakes who waits on `tail`. Costs more than a record, so call it once for many. */
  wake(): void {
    Atomics.notify(this.tail, 0);
  }

  #hasRoom(span: number): boolean {
    if (this.capacity - this.distance(this.#head, this.#tail) >= span) return true;
    this.#head = Atomics.load(this.words, HEAD);
    // More in use than there is cannot come from a consumer: then nothing has room.
    return this.capacity - this.distance(this.#head, this.#tail) >= span;
  }
}

/** The reading side. A new one goes on behind the last record that was released. */
export class RingConsumer extends RingSide {
  #head: number;
  /** As last seen: the producer may have written more since. */
  #tail: number;
  #at = -1;
  #length = 0;
  #next: number;

  constructor(memory: SharedArrayBuffer) {
    super(memory);
    this.#head = Atomics.load(this.words, HEAD);
    this.#tail = Atomics.load(this.words, TAIL);
    this.#next = this.#head;
  }

  /** Bytes of the record that {@link peek} found. */
  get length(): number {
    return this.#length;
  }

  /**
   * The `tail` up to which this side has looked. After `peek` said −1, `Atomics.waitAsync(tail, 0, seen)` ends with the next
   * commit, also with one that came in between.
   */
  get seen(): number {
    return this.#tail;
  }

  /** Share of the capacity that was written and not released, 0 to 1. What was passed over to begin anew is neither. */
  get filling(): number {
    const used = this.distance(this.#head, Atomics.load(this.words, TAIL));
    const at = this.#head & (this.capacity - 1);
    const isSkipped = used > 0 && this.words[(controlLength + at) >> 2] === goOnAtStart;
    return Math.min(1, Math.max(0, used - (isSkipped ? this.capacity - at : 0)) / this.capacity);
  }

  /** Offset in `bytes` of the oldest record, the same until it is released; −1 when there is none, or the ring is broken. */
  peek(): number {
    if (this.#at >= 0) return this.#at;
    if (this.#head === this.#tail) {
      if (this.isBroken) return -1;
      this.#tail = Atomics.load(this.words, TAIL);
      if (this.#head === this.#tail) return -1;
    }
    return this.#find();
  }

  /** Gives the room of the peeked record back. */
  release(): void {
    if (this.#at < 0) return;
    this.#at = -1;
    this.#head = this.#next;
    Atomics.store(this.words, HEAD, this.#head);
  }

  /** The same for a record that held secrets: its bytes are zero afterwards. */
  releaseWiped(): void {
    if (this.#at >= 0) this.bytes.fill(0, this.#at, this.#at + this.#length);
    this.release();
  }

  /** Wakes who waits on `head`: a producer that wants to know when all was read. */
  wake(): void {
    Atomics.notify(this.head, 0);
  }

  /** All that was read from the other side is checked here, once, against what is between head and tail. */
  #find(): number {
    let used = this.distance(this.#head, this.#tail);
    let at = this.#head & (this.capacity - 1);
    if (used > this.capacity || (used & 7) !== 0) return this.#break();
    let skipped = 0;
    if (this.words[(controlLength + at) >> 2] === goOnAtStart) {
      skipped = this.capacity - at;
      at = 0;
      used -= skipped;
    }
    const length = this.words[(controlLength + at) >> 2]!;
    if (length < 0 || length > this.longest) return this.#break();
    const span = spanOf(length);
    if (span > used || at + span > this.capacity) return this.#break();
    this.#length = length;
    this.#next = this.after(this.#head, skipped + span);
    this.#at = controlLength + at + recordHeader;
    return this.#at;
  }

  /** For good: with head and tail equal, `peek` asks first whether the ring is broken. */
  #break(): number {
    Atomics.store(this.words, BROKEN, 1);
    this.#tail = this.#head;
    return -1;
  }
}
