/**
 * Sessions as the worker knows them: keys by slot, and the slot by the index that a datagram names. The main thread
 * chooses the slots.
 */
import type { ArenaAeadKey } from "./arena_aead.ts";

export interface SessionEntry {
  /** Slot of the peer. */
  readonly peer: number;
  /** 32 bits as a signed number: of both signs, so that it never leaves the range of small integers on the way. */
  readonly localIndex: number;
  readonly remoteIndex: number;
  /** Both sides compute checksums that are partial, so those need not be finished. */
  readonly partialChecksum: boolean;
  readonly sending: ArenaAeadKey;
  readonly receiving: ArenaAeadKey;
}

const EMPTY = -1;

export class SessionTable {
  readonly capacity: number;
  readonly peer: Int32Array;
  readonly remoteIndex: Int32Array;
  /** 1: data of this session may be finished here; 0: its first message is for the main thread, which confirms it. */
  readonly confirmed: Uint8Array;
  readonly partialChecksum: Uint8Array;
  readonly sending: (ArenaAeadKey | undefined)[];
  readonly receiving: (ArenaAeadKey | undefined)[];
  /** That its peer names, see {@link SessionEntry.localIndex}. */
  readonly localIndex: Int32Array;
  /** Open addressing with linear probing: slots, at most half full. Made anew when a session ends, which is rare. */
  readonly #buckets: Int32Array;
  readonly #mask: number;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.peer = new Int32Array(capacity).fill(EMPTY);
    this.remoteIndex = new Int32Array(capacity);
    this.confirmed = new Uint8Array(capacity);
    this.partialChecksum = new Uint8Array(capacity);
    this.sending = Array.from({ length: capacity });
    this.receiving = Array.from({ length: capacity });
    this.localIndex = new Int32Array(capacity);
    this.#mask = 2 ** Math.ceil(Math.log2(capacity) + 1) - 1;
    this.#buckets = new Int32Array(this.#mask + 1).fill(EMPTY);
  }

  /** The session that chose `localIndex`, as a signed number, or −1. */
  find(localIndex: number): number {
    for (let at = bucketOf(localIndex, this.#mask);; at = (at + 1) & this.#mask) {
      const slot = this.#buckets[at]!;
      if (slot === EMPTY || this.localIndex[slot] === localIndex) return slot;
    }
  }

  /** False for any other number, too. */
  has(slot: number): boolean {
    return this.sending[slot] !== undefined;
  }

  /** The slot should be free; what still has it is ended. */
  put(slot: number, entry: SessionEntry): void {
    this.end(slot);
    this.peer[slot] = entry.peer;
    this.remoteIndex[slot] = entry.remoteIndex;
    this.confirmed[slot] = 0;
    this.partialChecksum[slot] = entry.partialChecksum ? 1 : 0;
    this.sending[slot] = entry.sending;
    this.receiving[slot] = entry.receiving;
    this.localIndex[slot] = entry.localIndex;
    this.#insert(slot);
  }

  /** Wipes its keys. Nothing happens to a slot that is free. */
  end(slot: number): void {
    if (!this.has(slot)) return;
    this.sending[slot]?.free();
    this.receiving[slot]?.free();
    this.sending[slot] = undefined;
    this.receiving[slot] = undefined;
    this.peer[slot] = EMPTY;
    this.confirmed[slot] = 0;
    this.#buckets.fill(EMPTY);
    for (let each = 0; each < this.capacity; each++) if (this.has(each)) this.#insert(each);
  }

  #insert(slot: number): void {
    let at = bucketOf(this.localIndex[slot]!, this.#mask);
    while (this.#buckets[at] !== EMPTY) at = (at + 1) & this.#mask;
    this.#buckets[at] = slot;
  }
}

/** Indices are drawn at random by this node; nobody else can choose which ones meet in a bucket. */
function bucketOf(localIndex: number, mask: number): number {
  return (localIndex ^ (localIndex >>> 16)) & mask;
}
