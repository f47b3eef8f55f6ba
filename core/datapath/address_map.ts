/**
 * Overlay addresses of this node, each with a slot and the MAC of its interface. Open addressing in typed arrays, at
 * most half full: a lookup reads the address where it lies and allocates nothing. A `Map` would want a string or a
 * BigInt for each packet.
 *
 * What is in it is chosen by this node, never by a peer, so a peer cannot make a lookup long.
 */
import type { Address } from "../contracts/values.ts";
import { macLength } from "../wire/mac.ts";
import { readU32 } from "../wire/field.ts";

export interface AddressEntry {
  readonly address: Address;
  /** 6 bytes. */
  readonly mac: Uint8Array;
}

export interface MacPlace {
  readonly bytes: Uint8Array;
  readonly offset: number;
}

const EMPTY = 0;

export class AddressMap {
  readonly capacity: number;
  readonly #macs: MacPlace;
  readonly #mask: number;
  /** Of each bucket: 0, 4 or 6, then four words, of which IPv4 uses the first, then the slot. */
  readonly #families: Uint8Array;
  readonly #words: Int32Array;
  readonly #slots: Int32Array;
  #size = 0;

  /** `macs`: where 6 bytes for each slot are kept, such as a place in the arena of the data path. */
  constructor(capacity: number, macs: MacPlace = { bytes: new Uint8Array(macLength * capacity), offset: 0 }) {
    const buckets = 2 ** Math.ceil(Math.log2(2 * capacity));
    this.capacity = capacity;
    this.#macs = macs;
    this.#mask = buckets - 1;
    this.#families = new Uint8Array(buckets);
    this.#words = new Int32Array(4 * buckets);
    this.#slots = new Int32Array(buckets);
  }

  /** Slots in use: 0 to `size` − 1. */
  get size(): number {
    return this.#size;
  }

  /** Where the MAC of a slot is in the bytes that the constructor was given. */
  macOffset(slot: number): number {
    return this.#macs.offset + macLength * slot;
  }

  /**
   * Takes these instead of all before; the slot of each is its place in the list, and of two with one address the later one is
   * found. False, and nothing changes, when they are more than `capacity`.
   */
  load(entries: readonly AddressEntry[]): boolean {
    if (entries.length > this.capacity) return false;
    this.#families.fill(EMPTY);
    for (const [slot, { address, mac }] of entries.entries()) {
      this.#macs.bytes.set(mac.subarray(0, macLength), this.macOffset(slot));
      this.#put(address, slot);
    }
    this.#size = entries.length;
    return true;
  }

  /** Slot of the address in the 4 or 16 bytes at `offset`, or −1. */
  find(family: 4 | 6, bytes: Uint8Array, offset: number): number {
    return family === 4 ? this.find4(readU32(bytes, offset) | 0) : this.find6(bytes, offset);
  }

  /** Slot of an IPv4 address, its 32 bits as a signed number; −1 for none. */
  find4(address: number): number {
    const bucket = this.#bucket4(address);
    return this.#families[bucket] === EMPTY ? -1 : this.#slots[bucket]!;
  }

  /** Slot of the IPv6 address in the 16 bytes at `offset`; −1 for none. */
  find6(bytes: Uint8Array, offset: number): number {
    const bucket = this.#bucket6(bytes, offset);
    return this.#families[bucket] === EMPTY ? -1 : this.#slots[bucket]!;
  }

  #put({ family, bytes }: Address, slot: number): void {
    const bucket = family === 4 ? this.#bucket4(readU32(bytes, 0) | 0) : this.#bucket6(bytes, 0);
    this.#families[bucket] = family;
    this.#slots[bucket] = slot;
    for (let i = 0; 4 * i < bytes.length; i++) this.#words[4 * bucket + i] = readU32(bytes, 4 * i);
  }

  /** The bucket that has the address, or the empty one for it; the table is never full. */
  #bucket4(address: number): number {
    let bucket = spread(address) & this.#mask;
    while (this.#families[bucket] !== EMPTY) {
      if (this.#families[bucket] === 4 && this.#words[4 * bucket] === address) break;
      bucket = (bucket + 1) & this.#mask;
    }
    return bucket;
  }

  #bucket6(bytes: Uint8Array, offset: number): number {
    const first = readU32(bytes, offset) | 0;
    const second = readU32(bytes, offset + 4) | 0;
    const third = readU32(bytes, offset + 8) | 0;
    const last = readU32(bytes, offset + 12) | 0;
    const words = this.#words;
    let bucket = spread(spread(spread(first ^ last) ^ third) ^ second) & this.#mask;
    for (; this.#families[bucket] !== EMPTY; bucket = (bucket + 1) & this.#mask) {
      const at = 4 * bucket;
      if (words[at + 3] !== last || words[at + 2] !== third) continue;
      if (words[at + 1] === second && words[at] === first && this.#families[bucket] === 6) break;
    }
    return bucket;
  }
}

/** A cheap permutation of 32 bits, so that addresses in a row do not fill buckets in a row. */
function spread(word: number): number {
  const mixed = Math.imul(word ^ (word >>> 16), 0x7feb_352d);
  return mixed ^ (mixed >>> 15);
}
