/**
 * Receiver indices: the 32-bit numbers by which the other side addresses a session, a handshake under way or a join.
 * Drawn at random, so that they tell a stranger nothing and cannot be guessed.
 */
import { Drop } from "../../core/contracts/drop.ts";
import type { OpenedMessage } from "../../core/contracts/encapsulation.ts";
import type { Random } from "../../core/contracts/host.ts";
import type { Endpoint, Millis } from "../../core/contracts/values.ts";
import { readU32 } from "../../core/wire/field.ts";

/** A message that names a receiver index. */
export interface Addressed {
  readonly type: number;
  readonly datagram: Uint8Array;
  readonly from: Endpoint;
}

/** Whoever owns an index takes the messages that name it, and refuses those it does not expect. */
export interface IndexOwner {
  receive(message: Addressed, now: Millis): Drop;
  /** Of a session: what the data path worker has opened in it. */
  receiveOpened?(message: OpenedMessage, now: Millis): Drop;
}

export class IndexTable {
  readonly #random: Random;
  readonly #owners = new Map<number, IndexOwner>();

  constructor(random: Random) {
    this.#random = random;
  }

  get size(): number {
    return this.#owners.size;
  }

  /** An index that is not in use and not 0. Until it is given an owner it may be drawn again. */
  draw(): number {
    const bytes = new Uint8Array(4);
    for (;;) {
      const index = readU32(this.#random.fill(bytes), 0);
      if (index !== 0 && !this.#owners.has(index)) return index;
    }
  }

  set(index: number, owner: IndexOwner): void {
    this.#owners.set(index, owner);
  }

  delete(index: number): void {
    this.#owners.delete(index);
  }

  get(index: number): IndexOwner | undefined {
    return this.#owners.get(index);
  }
}

/** For an owner that is sent a type it has no use for. */
export const notExpected: Drop = Drop.unknownSession;
