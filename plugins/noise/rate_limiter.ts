/**
 * How much is done for strangers. Each source has a bucket, so that one of them cannot take what is there for all; and
 * all together have two: one for everybody, and one for those alone who were turned away within the last seconds.
 *
 * The second one is what helps against forged sources. Their number is without bound, so the bucket of all is always
 * empty under a flood, and a genuine sender would be served as rarely as the forged ones. But it comes again, which a
 * source made up for one datagram does not. (Whoever forges each source twice gets into the second bucket as well: then
 * chance decides again.)
 *
 * A source is an IPv4 address or, as in WireGuard, an IPv6 /64 (`core/wire/source.ts`). Told apart by address, whoever owns
 * a /64 would have 20 handshakes a second for each of 2^64 cookies. The price: nodes that share a /64 share its rate, and
 * when all of them restart under load, 50 of them are in again after some 3 s. Ports are not told apart either: a host that
 * forges sources forges ports as well. The number of buckets is bounded; the one unused for longest makes room.
 */
import type { Random } from "../../core/contracts/host.ts";
import type { Millis } from "../../core/contracts/values.ts";
import { AskedBefore } from "./asked_before.ts";
import { TokenBucket } from "./bucket.ts";
import { limits } from "./constants.ts";

export interface Rates {
  /** Of each of the two buckets of all. */
  readonly perSecond: number;
  readonly burst: number;
  readonly perSourcePerSecond: number;
  readonly sourceBurst: number;
}

export class RateLimiter {
  readonly #perSource: { readonly perSecond: number; readonly burst: number };
  readonly #sources = new Map<string, TokenBucket>();
  readonly #all: TokenBucket;
  readonly #returning: TokenBucket;
  readonly #askedBefore: AskedBefore;

  constructor(rates: Rates, random: Random) {
    this.#perSource = { perSecond: rates.perSourcePerSecond, burst: rates.sourceBurst };
    this.#all = new TokenBucket(rates, 0);
    this.#returning = new TokenBucket(rates, 0);
    this.#askedBefore = new AskedBefore(random);
  }

  /** Takes a token of the source and one of all, or none. `source` is that of a host, or what else is to be told apart. */
  allow(source: string, now: Millis): boolean {
    const own = this.#source(source, now);
    if (!own.has(now)) return false;
    if (!this.#all.take(now) && !this.#returns(source, now)) return false;
    return own.take(now);
  }

  #returns(source: string, now: Millis): boolean {
    if (this.#askedBefore.has(source, now) && this.#returning.take(now)) return true;
    this.#askedBefore.note(source, now);
    return false;
  }

  /** The bucket of a source, moved to the end of the map: the first one is the one to forget. */
  #source(source: string, now: Millis): TokenBucket {
    const known = this.#sources.get(source);
    if (known !== undefined) this.#sources.delete(source);
    else if (this.#sources.size >= limits.sources) this.#sources.delete(this.#sources.keys().next().value!);
    const bucket = known ?? new TokenBucket(this.#perSource, now);
    this.#sources.set(source, bucket);
    return bucket;
  }
}
