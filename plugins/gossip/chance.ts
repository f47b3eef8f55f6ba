/** Whole numbers out of the bytes that a {@link Random} gives. */
import type { Random } from "../../core/contracts/host.ts";

const word = new Uint8Array(4);

export class Chance {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** 32 random bits. */
  bits(): number {
    this.#random.fill(word);
    return (word[0]! << 24 | word[1]! << 16 | word[2]! << 8 | word[3]!) >>> 0;
  }

  /** In [0, `limit`), `limit` at most 2^32. */
  below(limit: number): number {
    return Math.floor(this.bits() / 2 ** 32 * limit);
  }

  /** In [0, `span`), not whole: for phases and jitter. */
  within(span: number): number {
    return this.bits() / 2 ** 32 * span;
  }
}
