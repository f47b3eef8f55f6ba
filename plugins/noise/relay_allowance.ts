/** How much is passed on for one peer, and what has been. */
import type { RelayRates } from "../../core/contracts/encapsulation.ts";
import type { Millis } from "../../core/contracts/values.ts";
import { TokenBucket } from "./bucket.ts";

/** So many bytes and so many messages a second, a quarter of it in a row. */
export class RelayAllowance {
  readonly passed: { packets: number; bytes: number } = { packets: 0, bytes: 0 };
  readonly #packets: TokenBucket;
  readonly #bytes: TokenBucket;

  constructor({ bytesPerSecond, packetsPerSecond }: RelayRates, now: Millis) {
    const packets = { perSecond: packetsPerSecond, burst: Math.max(packetsPerSecond / 4, leastPackets) };
    const bytes = { perSecond: bytesPerSecond, burst: Math.max(bytesPerSecond / 4, leastBytes) };
    this.#packets = new TokenBucket(packets, now);
    this.#bytes = new TokenBucket(bytes, now);
  }

  /** Takes what a message of so many bytes costs, or nothing. */
  take(bytes: number, now: Millis): boolean {
    return this.#packets.has(now) && this.#bytes.take(now, bytes) && this.#packets.take(now);
  }

  passedOn(bytes: number): void {
    this.passed.packets += 1;
    this.passed.bytes += bytes;
  }
}

/** A super-frame cut into datagrams must pass in a row, and so must the largest datagram. */
const [leastPackets, leastBytes] = [64, 131_072];
