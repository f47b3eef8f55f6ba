/**
 * What is going round: records, and states of members. A rumour has an id of 48 bits, the first of the BLAKE2s of its
 * content: a stronger hash than spreading needs, for with a weak one a member could make a record that has the id of
 * another's and keep that from being asked for.
 *
 * A rumour is kept for those who missed it; its id much longer than it is told, so that it never starts anew.
 */
import { blake2s } from "@noble/hashes/blake2.js";
import { limits } from "./options.ts";

/** For so long a rumour is announced to neighbours, then kept for who asks, then only its id is remembered. */
export const toldMillis = 60_000;
const keptMillis = 90_000;
const seenMillis = 600_000;

export interface Rumour {
  readonly id: number;
  readonly at: number;
  /** A whole message with this record as its only section; undefined for a state. */
  readonly message: Uint8Array | undefined;
  readonly peer: number;
  /** The accuser, and when it began to doubt, of a state that somebody is gone. */
  readonly by: number;
  readonly doubtedAt: number;
  /** By slot: who has it, and who was told that it is here. */
  known: number;
  listed: number;
  /** By slot: to whom this node sent it. */
  sent: number;
  /** It came along the tree, so that a copy along it shows a circle. */
  readonly isOnTime: boolean;
}

export class Rumours {
  readonly #kept = new Map<number, Rumour>();
  readonly #seen = new Map<number, number>();
  #bytes = 0;

  has(id: number): boolean {
    return this.#seen.has(id);
  }

  get(id: number): Rumour | undefined {
    return this.#kept.get(id);
  }

  /** In the order in which they came. */
  values(): IterableIterator<Rumour> {
    return this.#kept.values();
  }

  get count(): number {
    return this.#kept.size;
  }

  /** Its id alone: it is still to be judged, and must not take the place of what is sound. */
  see({ id, at }: Rumour): void {
    this.#seen.set(id, at);
    this.prune(at);
  }

  add(rumour: Rumour): void {
    this.#seen.set(rumour.id, rumour.at);
    this.#kept.set(rumour.id, rumour);
    this.#bytes += rumour.message?.length ?? 0;
    this.prune(rumour.at);
  }

  /** A slot has another neighbour. */
  clearSlot(slot: number): void {
    const others = ~(1 << slot);
    for (const rumour of this.#kept.values()) {
      rumour.known &= others;
      rumour.listed &= others;
      rumour.sent &= others;
    }
  }

  prune(now: number): void {
    for (const [id, rumour] of this.#kept) {
      const isOver = this.#kept.size > limits.rumours || this.#bytes > limits.rumourBytes;
      if (!isOver && now - rumour.at < keptMillis) break;
      this.#kept.delete(id);
      this.#bytes -= rumour.message?.length ?? 0;
    }
    for (const [id, at] of this.#seen) {
      if (this.#seen.size <= limits.seen && now - at < seenMillis) break;
      this.#seen.delete(id);
    }
  }
}

export function recordId(record: Uint8Array): number {
  return firstBits(blake2s(record, { dkLen: 32 }));
}

const stateBytes = new Uint8Array(13);
const stateView = new DataView(stateBytes.buffer);

/** Whoever says it: two accusers' statements of one death are one rumour. */
export function stateId(high: number, low: number, stamp: number): number {
  stateView.setUint32(0, high);
  stateView.setUint32(4, low);
  stateView.setUint32(8, stamp);
  stateBytes[12] = 1;
  return firstBits(blake2s(stateBytes, { dkLen: 32 }));
}

function firstBits(hash: Uint8Array): number {
  const high = hash[0]! << 8 | hash[1]!;
  return high * 2 ** 32 + ((hash[2]! << 24 | hash[3]! << 16 | hash[4]! << 8 | hash[5]!) >>> 0);
}
