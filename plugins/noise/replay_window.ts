/**
 * Anti-replay window (RFC 6479): which of the last 8,128 counters of a session have been seen.
 *
 * A ring of 256 words of 32 bits, one of them always partly reused, hence 8,192 − 64 counters as in WireGuard's ring of
 * 128 words of 64 bits. Bits are never shifted: advancing clears whole words. Counters are Numbers below 2^53; a BigInt
 * per packet would be an allocation per packet.
 *
 * Whoever calls `accept` has authenticated the packet before: a forged counter must not move the window.
 */

const wordBits = 32;
const words = 256;

/** Counters this far behind the newest one are refused. */
export const windowSize = 8_128;

export class ReplayWindow {
  readonly #ring = new Uint32Array(words);
  #newest = -1;

  /** The highest counter accepted; −1 before the first. */
  get newest(): number {
    return this.#newest;
  }

  /** True once for each counter that is not too old; then false. */
  accept(counter: number): boolean {
    if (!Number.isSafeInteger(counter) || counter < 0) return false;
    if (counter <= this.#newest - windowSize) return false;
    if (counter > this.#newest) this.#advance(counter);
    const word = Math.floor(counter / wordBits) % words;
    const bit = 1 << (counter % wordBits);
    if ((this.#ring[word]! & bit) !== 0) return false;
    this.#ring[word]! |= bit;
    return true;
  }

  /** Clears the words between the newest counter and `counter`, at most the whole ring. */
  #advance(counter: number): void {
    const from = Math.floor(this.#newest / wordBits); // −1 for the first counter: word 0 is cleared as well
    const steps = Math.min(Math.floor(counter / wordBits) - from, words);
    for (let step = 1; step <= steps; step++) this.#ring[(from + step) % words] = 0;
    this.#newest = counter;
  }
}
