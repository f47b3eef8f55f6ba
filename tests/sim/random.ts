/**
 * Chance that can be repeated: one seed, one sequence, on every runtime. xoshiro128** (Blackman and Vigna, 2018) with
 * its state filled by splitmix32, so that seeds 1 and 2 have nothing in common. 32-bit integers only: the same
 * generator on BigInt is forty times slower.
 */
import type { Random } from "../../core/contracts/host.ts";

export class SimRandom implements Random {
  readonly seed: number;
  readonly #state: Uint32Array;

  /** `seed` is any whole number of 32 bits. */
  constructor(seed: number) {
    this.seed = seed >>> 0;
    const mixer = new SplitMix(this.seed);
    this.#state = Uint32Array.from({ length: 4 }, () => mixer.next());
  }

  /** 32 random bits. */
  next(): number {
    const state = this.#state;
    const [a, b, c, d] = [state[0]!, state[1]!, state[2]!, state[3]!];
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    state[2] = c ^ a;
    state[3] = d ^ b;
    state[1] = b ^ state[2];
    state[0] = a ^ state[3];
    state[2] = state[2] ^ (b << 9);
    state[3] = rotate(state[3], 11);
    return result;
  }

  fill(bytes: Uint8Array): Uint8Array {
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.next() >>> 24;
    return bytes;
  }

  /** In [0, 1). */
  float(): number {
    return this.next() / 2 ** 32;
  }

  /** A whole number in [0, `limit`), `limit` at most 2^32. */
  below(limit: number): number {
    return Math.floor(this.float() * limit);
  }

  /** True with this probability. Draws once, whatever the probability: changing one leaves the rest of a run alike. */
  chance(probability: number): boolean {
    return this.float() < probability;
  }

  pick<T>(choices: readonly T[]): T {
    if (choices.length === 0) throw new RangeError("there is nothing to pick from");
    return choices[this.below(choices.length)]!;
  }

  /** A generator of its own for one part of a simulation: what another part draws does not shift it. */
  fork(): SimRandom {
    return new SimRandom(this.next());
  }
}

class SplitMix {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  next(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  }
}

function rotate(value: number, bits: number): number {
  return ((value << bits) | (value >>> (32 - bits))) >>> 0;
}
