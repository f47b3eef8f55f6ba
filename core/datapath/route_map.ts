/**
 * Which peer owns an overlay address: the worker's twin of `core/forwarding/range_table.ts`, which asks a hash table per
 * prefix length with a string as key. Here it is one binary search over flat intervals in typed arrays, and none at all
 * for an address beside the last one: traffic comes in runs.
 *
 * Words are kept with their highest bit turned over, so that comparing signed numbers, which V8 keeps in registers, is
 * the order of unsigned ones.
 */
import { readU32 } from "../wire/field.ts";
import { noPeer, type RouteIntervals } from "./route_intervals.ts";

const turned = 0x8000_0000 | 0;

export class RouteMap {
  #version = -1;
  readonly #four = new IntervalTable(1);
  readonly #six = new IntervalTable(4);

  /** Of the routes that were loaded last; −1 before the first. */
  get version(): number {
    return this.#version;
  }

  /** Takes these instead of all before. False, and nothing changes, for intervals that are not in order or overlap. */
  load(version: number, { v4, v6 }: RouteIntervals): boolean {
    if (!isOrdered(v4, 1) || !isOrdered(v6, 4)) return false;
    this.#four.load(v4);
    this.#six.load(v6);
    this.#version = version;
    return true;
  }

  /** Slot of the peer that owns the address in the 4 or 16 bytes at `offset`, or −1. */
  lookup(family: 4 | 6, bytes: Uint8Array, offset: number): number {
    return family === 4 ? this.lookup4(readU32(bytes, offset) | 0) : this.lookup6(bytes, offset);
  }

  /** The same for IPv4, the address as 32 bits, signed. */
  lookup4(address: number): number {
    this.#four.key[0] = address ^ turned;
    return this.#four.find();
  }

  /** The same for the IPv6 address at `offset`. */
  lookup6(bytes: Uint8Array, offset: number): number {
    const { key } = this.#six;
    key[0] = readU32(bytes, offset) ^ turned;
    key[1] = readU32(bytes, offset + 4) ^ turned;
    key[2] = readU32(bytes, offset + 8) ^ turned;
    key[3] = readU32(bytes, offset + 12) ^ turned;
    return this.#six.find();
  }
}

/** Intervals of addresses of `width` words. */
class IntervalTable {
  /** What {@link find} looks for, words turned over. */
  readonly key: Int32Array;
  readonly #width: number;
  #starts = new Int32Array(0);
  #ends = new Int32Array(0);
  #peers = new Int32Array(0);
  /** The interval of the last answer, or −1. */
  #last = -1;

  constructor(width: 1 | 4) {
    this.#width = width;
    this.key = new Int32Array(width);
  }

  load(words: Uint32Array): void {
    const width = this.#width;
    const stride = 2 * width + 1;
    const count = words.length / stride;
    this.#starts = new Int32Array(width * count);
    this.#ends = new Int32Array(width * count);
    this.#peers = new Int32Array(count);
    this.#last = -1;
    for (let index = 0; index < count; index++) {
      const at = stride * index;
      for (let i = 0; i < width; i++) {
        this.#starts[width * index + i] = words[at + i]! ^ turned;
        this.#ends[width * index + i] = words[at + width + i]! ^ turned;
      }
      this.#peers[index] = words[at + 2 * width]!;
    }
  }

  find(): number {
    if (this.#last >= 0 && this.#holds(this.#last)) return this.#peers[this.#last]!;
    const index = this.#lastStart();
    if (index < 0 || this.#order(this.#ends, index) > 0) return noPeer;
    this.#last = index;
    return this.#peers[index]!;
  }

  #holds(index: number): boolean {
    return this.#order(this.#starts, index) >= 0 && this.#order(this.#ends, index) <= 0;
  }

  /** The last interval that starts at or before the key, or −1. */
  #lastStart(): number {
    let low = -1;
    let high = this.#peers.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#order(this.#starts, middle) >= 0) low = middle;
      else high = middle;
    }
    return low;
  }

  /** Negative, 0 or positive as the key is before, at or behind the border. */
  #order(borders: Int32Array, index: number): number {
    const at = this.#width * index;
    for (let i = 0; i < this.#width; i++) {
      const own = this.key[i]!;
      const other = borders[at + i]!;
      if (own !== other) return own < other ? -1 : 1;
    }
    return 0;
  }
}

/** Whole intervals, each with its end not before its start, each behind the one before it. */
function isOrdered(words: Uint32Array, width: 1 | 4): boolean {
  const stride = 2 * width + 1;
  if (words.length % stride !== 0) return false;
  for (let at = 0; at < words.length; at += stride) {
    if (compare(words, at, at + width, width) > 0) return false;
    if (at > 0 && compare(words, at - stride + width, at, width) >= 0) return false;
  }
  return true;
}

function compare(words: Uint32Array, left: number, right: number, width: number): number {
  for (let i = 0; i < width; i++) {
    if (words[left + i] !== words[right + i]) return words[left + i]! - words[right + i]!;
  }
  return 0;
}
