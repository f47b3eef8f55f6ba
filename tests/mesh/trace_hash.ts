/**
 * What happened, in 64 bits. Two lanes of 32-bit multiplications with different constants, after the rounds of
 * MurmurHash3: a cryptographic hash would take longer than the events that it is fed with, and nobody here forges them.
 */
export class TraceHash {
  #low = 0x9e3779b9;
  #high = 0x85ebca6b;

  /** Numbers of 32 bits; time in whole microseconds may have more. */
  add(micros: number, node: number, event: number, size: number): void {
    this.#mix(micros >>> 0);
    this.#mix(Math.floor(micros / 2 ** 32) ^ Math.imul(node + 1, 0x9e3779b1));
    this.#mix((event << 24) ^ size);
  }

  /** 16 hexadecimal digits. */
  digest(): string {
    return [this.#high, this.#low].map((lane) => finish(lane).toString(16).padStart(8, "0")).join("");
  }

  #mix(value: number): void {
    this.#low = Math.imul(rotate(this.#low ^ Math.imul(value, 0xcc9e2d51), 15), 5) + 0xe6546b64 | 0;
    this.#high = Math.imul(rotate(this.#high ^ Math.imul(value, 0x1b873593), 13), 9) + 0x38495ab5 | 0;
  }
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function finish(lane: number): number {
  let mixed = Math.imul(lane ^ (lane >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
