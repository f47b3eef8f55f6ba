/**
 * Which member a tag on the wire means. A tag is the first 8 bytes of a PeerId, big-endian; inside, a member is the
 * dense number that the caller keeps for it, so that what is known of it lies in columns.
 *
 * Not a map from a big integer: it would be allocated anew for each entry of each message.
 */
import { limits } from "./options.ts";

export const tagLength = 8;

export interface Directory {
  /** The tag's first and last four bytes; 0 for a number that has none. */
  high(peer: number): number;
  low(peer: number): number;
  /** -1 for a tag that nobody has. */
  peerOf(high: number, low: number): number;
}

export class TagDirectory implements Directory {
  #high: Uint32Array;
  #low: Uint32Array;
  /** The next member with the same first half, plus one. Whoever wants a long chain computes 2^32 keys for each link. */
  #next: Uint32Array;
  readonly #first = new Map<number, number>();

  constructor(expected = 64) {
    const size = Math.min(Math.max(expected, 1), limits.members);
    this.#high = new Uint32Array(size);
    this.#low = new Uint32Array(size);
    this.#next = new Uint32Array(size);
  }

  /** False when another number has this tag already, or this number another tag: nothing was changed. */
  put(peer: number, tag: Uint8Array): boolean {
    if (!Number.isInteger(peer) || peer < 0 || peer >= limits.members || tag.length < tagLength) return false;
    const view = new DataView(tag.buffer, tag.byteOffset, tagLength);
    const high = view.getUint32(0);
    const low = view.getUint32(4);
    const holder = this.peerOf(high, low);
    if (holder >= 0) return holder === peer;
    this.#reserve(peer);
    if (this.#high[peer] !== 0 || this.#low[peer] !== 0) return false;
    this.#high[peer] = high;
    this.#low[peer] = low;
    this.#next[peer] = this.#first.get(high) ?? 0;
    this.#first.set(high, peer + 1);
    return true;
  }

  /** The tag is free again, and the number has none. */
  remove(peer: number): void {
    const [high, low] = [this.high(peer), this.low(peer)];
    if (this.peerOf(high, low) !== peer) return;
    const first = this.#first.get(high)! - 1;
    const next = this.#next[peer]!;
    if (first !== peer) {
      let before = first;
      while (this.#next[before] !== peer + 1) before = this.#next[before]! - 1;
      this.#next[before] = next;
    } else if (next !== 0) this.#first.set(high, next);
    else this.#first.delete(high);
    this.#high[peer] = this.#low[peer] = this.#next[peer] = 0;
  }

  high(peer: number): number {
    return this.#high[peer] ?? 0;
  }

  low(peer: number): number {
    return this.#low[peer] ?? 0;
  }

  peerOf(high: number, low: number): number {
    let link = this.#first.get(high) ?? 0;
    while (link !== 0 && this.#low[link - 1] !== low) link = this.#next[link - 1]!;
    return link - 1;
  }

  #reserve(peer: number): void {
    if (peer < this.#high.length) return;
    const size = Math.min(Math.max(peer + 1, 2 * this.#high.length), limits.members);
    this.#high = grown(this.#high, size);
    this.#low = grown(this.#low, size);
    this.#next = grown(this.#next, size);
  }
}

function grown(column: Uint32Array, size: number): Uint32Array {
  const larger = new Uint32Array(size);
  larger.set(column);
  return larger;
}
