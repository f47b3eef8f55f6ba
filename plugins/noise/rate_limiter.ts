/**
 * Token buckets, one for all and one per source host, for answers to strangers. Ports are not told apart: a host that
 * forges sources forges ports as well. The number of buckets is bounded; the one unused for longest makes room.
 */
import type { Millis } from "../../core/contracts/values.ts";

export interface Rates {
  readonly perSecond: number;
  readonly burst: number;
  readonly perSourcePerSecond: number;
  readonly sourceBurst: number;
  readonly sources: number;
}

interface Bucket {
  tokens: number;
  at: Millis;
}

export class RateLimiter {
  readonly #rates: Rates;
  readonly #sources = new Map<string, Bucket>();
  readonly #all: Bucket;

  constructor(rates: Rates) {
    this.#rates = rates;
    this.#all = { tokens: rates.burst, at: 0 };
  }

  /** Takes one token of both buckets, or none. */
  allow(host: string, now: Millis): boolean {
    const source = this.#source(host, now);
    refill(this.#all, this.#rates.perSecond, this.#rates.burst, now);
    refill(source, this.#rates.perSourcePerSecond, this.#rates.sourceBurst, now);
    if (this.#all.tokens < 1 || source.tokens < 1) return false;
    this.#all.tokens -= 1;
    source.tokens -= 1;
    return true;
  }

  /** The bucket of a host, moved to the end of the map: the first one is the one to forget. */
  #source(host: string, now: Millis): Bucket {
    const known = this.#sources.get(host);
    const bucket = known ?? { tokens: this.#rates.sourceBurst, at: now };
    if (known !== undefined) this.#sources.delete(host);
    else if (this.#sources.size >= this.#rates.sources) {
      this.#sources.delete(this.#sources.keys().next().value!);
    }
    this.#sources.set(host, bucket);
    return bucket;
  }
}

function refill(bucket: Bucket, perSecond: number, burst: number, now: Millis): void {
  bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) * perSecond) / 1000);
  bucket.at = now;
}
