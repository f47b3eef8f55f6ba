/**
 * What the worker knows of peers as ends of relayed ways: their tags, whom they are behind, and how much of each may still be
 * passed on. Slots are those of the table of peers.
 */
import type { Arena } from "./arena.ts";
import { ticksBetween, ticksPerMilli } from "./codel.ts";
import type { SetRelay, SetRelaying } from "./control_relay.ts";

/** Milliseconds' worth of a rate that may pass in a row, and the least that this comes to. */
const burstMillis = 250;
const leastBytes = 131_072;
const leastPackets = 64;
const NONE = -1;

export class RelayTable {
  /** The peer that a peer is behind, or −1. */
  readonly via: Int32Array;
  /** 1: the peer takes what is passed on to it. */
  readonly takes: Uint8Array;
  /** Both words are zero for a peer without a tag. */
  readonly #high: Int32Array;
  readonly #low: Int32Array;
  /** Peers by tag: open addressing with linear probing, at most half full. Made anew when a tag changes, which is rare. */
  readonly #buckets: Int32Array;
  readonly #mask: number;
  /** What may be passed on now, and when that was so. Fractions count, so floats; nothing here is shared. */
  readonly #bytes: Float64Array;
  readonly #packets: Float64Array;
  readonly #at: Int32Array;
  #bytesPerTick = 0;
  #packetsPerTick = 0;
  #mostBytes = 0;
  #mostPackets = 0;

  constructor(capacity: number) {
    this.via = new Int32Array(capacity).fill(NONE);
    this.takes = new Uint8Array(capacity);
    this.#high = new Int32Array(capacity);
    this.#low = new Int32Array(capacity);
    this.#mask = 2 ** Math.ceil(Math.log2(capacity) + 1) - 1;
    this.#buckets = new Int32Array(this.#mask + 1).fill(NONE);
    this.#bytes = new Float64Array(capacity);
    this.#packets = new Float64Array(capacity);
    this.#at = new Int32Array(capacity);
  }

  /** This node passes messages on. */
  get isOn(): boolean {
    return this.#mostBytes > 0;
  }

  /** From now on so much of each peer. */
  setRates({ bytesPerSecond, packetsPerSecond }: SetRelaying): void {
    this.#bytesPerTick = bytesPerSecond / (1_000 * ticksPerMilli);
    this.#packetsPerTick = packetsPerSecond / (1_000 * ticksPerMilli);
    this.#mostBytes = Math.max(leastBytes, bytesPerSecond * burstMillis / 1_000);
    this.#mostPackets = Math.max(leastPackets, packetsPerSecond * burstMillis / 1_000);
    this.#bytes.fill(this.#mostBytes);
    this.#packets.fill(this.#mostPackets);
  }

  put({ slot, via, takes, tag }: SetRelay): void {
    const view = new DataView(tag.buffer, tag.byteOffset, tag.length);
    const [high, low] = [view.getInt32(0), view.getInt32(4)];
    this.via[slot] = via;
    this.takes[slot] = takes ? 1 : 0;
    if (this.#high[slot] === high && this.#low[slot] === low) return;
    this.#takeTag(high, low);
    this.#high[slot] = high;
    this.#low[slot] = low;
    this.#bytes[slot] = this.#mostBytes;
    this.#packets[slot] = this.#mostPackets;
    this.#placeAll();
  }

  /** Of a peer that was forgotten nobody is told, and in this slot it would hide the one in which it comes again. */
  #takeTag(high: number, low: number): void {
    for (let peer = 0; peer < this.via.length; peer++) {
      if (this.#high[peer] !== high || this.#low[peer] !== low) continue;
      this.#high[peer] = 0;
      this.#low[peer] = 0;
    }
  }

  hasTag(peer: number): boolean {
    return this.#high[peer] !== 0 || this.#low[peer] !== 0;
  }

  /** Whether the tag at `offset` is the peer's. */
  isTag(peer: number, arena: Arena, offset: number): boolean {
    const { view } = arena;
    return view.getInt32(offset) === this.#high[peer] && view.getInt32(offset + 4) === this.#low[peer];
  }

  writeTag(peer: number, arena: Arena, offset: number): void {
    arena.view.setInt32(offset, this.#high[peer]!);
    arena.view.setInt32(offset + 4, this.#low[peer]!);
  }

  /** The peer with the tag at `offset`, or −1. */
  find(arena: Arena, offset: number): number {
    const { view } = arena;
    const bucket = bucketOf(view.getInt32(offset), view.getInt32(offset + 4), this.#mask);
    for (let at = bucket;; at = (at + 1) & this.#mask) {
      const peer = this.#buckets[at]!;
      if (peer === NONE || this.isTag(peer, arena, offset)) return peer;
    }
  }

  /** Takes what a message of so many bytes costs; false, and nothing is taken, if that is more than there is. */
  take(peer: number, bytes: number): boolean {
    if (this.#packets[peer]! < 1 || this.#bytes[peer]! < bytes) return false;
    this.#packets[peer]! -= 1;
    this.#bytes[peer]! -= bytes;
    return true;
  }

  /** Adds what has come since the last time. `now` in ticks, see `codel.ts`. */
  fill(peer: number, now: number): void {
    const ticks = ticksBetween(this.#at[peer]!, now);
    this.#at[peer] = now;
    this.#bytes[peer] = Math.min(this.#mostBytes, this.#bytes[peer]! + ticks * this.#bytesPerTick);
    this.#packets[peer] = Math.min(this.#mostPackets, this.#packets[peer]! + ticks * this.#packetsPerTick);
  }

  #placeAll(): void {
    this.#buckets.fill(NONE);
    for (let peer = 0; peer < this.via.length; peer++) {
      if (!this.hasTag(peer)) continue;
      let at = bucketOf(this.#high[peer]!, this.#low[peer]!, this.#mask);
      while (this.#buckets[at] !== NONE) at = (at + 1) & this.#mask;
      this.#buckets[at] = peer;
    }
  }
}

/** Tags are parts of hashes, but anybody may make keys until one suits: a long chain is no longer than the table of peers. */
function bucketOf(high: number, low: number, mask: number): number {
  const mixed = Math.imul(high ^ (low >>> 15), 0x2c1b3c6d) ^ low;
  return (mixed ^ (mixed >>> 16)) & mask;
}
