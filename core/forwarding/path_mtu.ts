/**
 * How large a packet the path to one peer carries: packetization layer path MTU discovery for datagrams (RFC 8899), as a
 * pure machine. It says which sizes to probe and when, and hears which of them were acknowledged; messages and timers are
 * its caller's. All sizes are bytes of IP packets of the underlay, headers included.
 *
 *     start ──> search ──────────────────────────> complete ──600 s, or 60 s after a black hole──> search
 *                 ^        no size left to try        │
 *                 └─────── black hole: what had passed passes no more
 *
 * A round asks for one size, the first one for three at once, so that a wide path is known after one round trip and a
 * narrow one is used within a second. What is not acknowledged is asked again after a second, and with it the sizes that
 * must pass: an answer to those shows that the peer lives, so that what stays away was lost to its size. From then on it is
 * asked for with three probes at once, or a path that loses one packet in ten would seem to shrink every few minutes. Three
 * such losses end the round. A second in which nothing at all came from the peer counts for nothing: it tells of an outage,
 * not of a size. Nor does a round without any acknowledgement end on a path that has carried something: it is cut in this
 * direction.
 *
 * Not the order of RFC 8899 §5.2, which confirms the base size before it asks for more: packets larger than what is
 * confirmed are split meanwhile, not lost, so nothing is risked by asking for all at once.
 */
import type { Millis } from "../contracts/values.ts";

/** Sizes in bytes, times in milliseconds. Names of RFC 8899 §5.1 in brackets. */
export const pathMtuLimits = {
  /** Taken for granted until the first answers are in (BASE_PLPMTU). */
  base: { 4: 1_200, 6: 1_280 },
  /** Taken for granted always (MIN_PLPMTU): what every host reassembles (RFC 1122 §3.3.2), every link carries (RFC 8200 §5). */
  least: { 4: 576, 6: 1_280 },
  /** Asked for first: most paths are Ethernet from end to end. */
  likely: 1_500,
  /** Wait for an acknowledgement (PROBE_TIMER, which must not be less). */
  probeMillis: 1_000,
  /** Losses of one size that make it too large (MAX_PROBES). */
  maxProbes: 3,
  /** Probes of each size when it is asked for again. */
  copies: 3,
  /** Until larger sizes are tried again (PMTU_RAISE_TIMER). */
  raiseMillis: 600_000,
  /** The same after a black hole: the path may just be changing. */
  blackHoleMillis: 60_000,
  /** Between proofs of the size in use, while packets above the least size are sent (CONFIRMATION_TIMER). */
  confirmMillis: 1_000,
  /** A search ends when it could not gain as much. */
  step: 20,
} as const;

interface Round {
  /** Sizes without an acknowledgement in this round. */
  readonly open: Set<number>;
  /** Largest that was acknowledged in this round; 0: none. */
  acknowledged: number;
  sentAt: Millis;
  lost: number;
}

export class PathMtu {
  readonly #base: number;
  readonly #least: number;
  readonly #upper: number;
  /** Largest size that has passed; 0: none yet. */
  #passed = 0;
  /** Smallest size that has not; above the upper bound: none. */
  #failed: number;
  #largestAsked = 0;
  /** Nothing has been lost or acknowledged yet. */
  #isFresh = true;
  /** The peer is known to be where probes go; if not, one of the least size has to find out first. */
  #isProved: boolean;
  #isKnown = false;
  #isSearching = true;
  #hadBlackHole = false;
  #round: Round | undefined;
  #searchAt: Millis;
  #confirmAt: Millis = Infinity;
  #confirmedAt: Millis = -Infinity;

  /**
   * `upper` is the largest packet that is worth asking for: what the underlay of this host takes. `isProved`: the peer has
   * answered from where it is; else its address may be somebody else's, who is not to be flooded with probes.
   */
  constructor(family: 4 | 6, upper: number, now: Millis, isProved = true) {
    this.#isProved = isProved;
    this.#base = pathMtuLimits.base[family];
    this.#least = pathMtuLimits.least[family];
    this.#upper = Math.max(upper, this.#base);
    this.#failed = this.#upper + 1;
    this.#searchAt = now;
  }

  /** What is to be sent in one packet now. */
  get mtu(): number {
    if (this.#passed > 0) return this.#passed;
    return this.#isFresh ? this.#base : this.#least;
  }

  /** The same once a search has ended; undefined before that and from a black hole to the end of the next search. */
  get known(): number | undefined {
    return this.#isKnown ? this.mtu : undefined;
  }

  /** A packet has been sent. Where there are any above the least size, the size in use is to be proved now and then. */
  sent(size: number, now: Millis): void {
    if (size > this.#least && this.#passed > this.#least) {
      this.#proveAt(now);
    }
  }

  /** The peer misses answers to the size that it uses: often the way there has changed as well. */
  doubted(now: Millis): void {
    if (this.#passed > this.#least) this.#proveAt(now);
  }

  /** The size in use has not been acknowledged at the first time of asking; for the peer to know. */
  get isDoubtful(): boolean {
    return this.#round !== undefined && this.#round.lost > 0 && this.#round.open.has(this.#passed);
  }

  /** When {@link due} has something to say. */
  deadline(): Millis {
    if (this.#round !== undefined) return this.#round.sentAt + pathMtuLimits.probeMillis;
    return Math.min(this.#searchAt, this.#confirmAt);
  }

  /** Sizes to probe now, in ascending order; of some several probes. `heardAt`: when anything authentic last came from the peer. */
  due(now: Millis, heardAt: Millis): readonly number[] {
    if (now < this.deadline()) return [];
    const round = this.#round;
    if (round === undefined) return this.#begin(now);
    const isHeard = heardAt >= round.sentAt;
    if (isHeard) {
      this.#isFresh = false;
      round.lost++;
    }
    if (round.lost >= pathMtuLimits.maxProbes) {
      const isCut = round.acknowledged === 0 && this.#passed > 0;
      if (!isCut) {
        this.#fail(round, now);
        return this.due(now, heardAt);
      }
      round.lost = 1; // still doubtful
    }
    round.sentAt = now;
    if (!isHeard && !this.#isProved) return [];
    round.open.add(this.#least);
    for (const size of [this.#base, this.#passed]) {
      if (size <= this.#passed && size > round.acknowledged) round.open.add(size);
    }
    const sizes = [...round.open].sort((left, right) => left - right);
    return isHeard ? sizes.flatMap((size) => this.#copies(size)) : sizes;
  }

  /** The peer has had a probe of this size. Sizes that were never asked for, which it made up, change nothing. */
  acknowledged(size: number, now: Millis): void {
    if (size > this.#largestAsked || size < this.#least) return;
    this.#isProved = true;
    if (size >= this.#failed) this.#failed = this.#upper + 1;
    this.#passed = Math.max(this.#passed, size);
    if (size === this.#passed) {
      this.#confirmedAt = now;
      this.#confirmAt = Infinity;
    }
    const round = this.#round;
    if (round === undefined) return;
    round.acknowledged = Math.max(round.acknowledged, size);
    for (const open of round.open) if (open <= size) round.open.delete(open);
    if (round.open.size === 0) this.#searchOn(now);
  }

  /** The least size alone ends nothing, so one probe will do. */
  #copies(size: number): readonly number[] {
    return new Array<number>(size === this.#least ? 1 : pathMtuLimits.copies).fill(size);
  }

  #proveAt(now: Millis): void {
    this.#confirmAt = Math.min(
      this.#confirmAt,
      Math.max(now, this.#confirmedAt + pathMtuLimits.confirmMillis),
    );
  }

  #begin(now: Millis): readonly number[] {
    this.#confirmAt = Infinity;
    if (this.#searchAt > now) return this.#ask([this.#least, this.#passed], now);
    if (!this.#isSearching) this.#failed = this.#upper + 1;
    this.#isSearching = true;
    const sizes = this.#sizes();
    if (sizes.length > 0) return this.#ask(sizes, now);
    this.#searchOn(now);
    return [];
  }

  #ask(sizes: readonly number[], now: Millis): readonly number[] {
    this.#round = { open: new Set(sizes), acknowledged: 0, sentAt: now, lost: 0 };
    this.#largestAsked = Math.max(this.#largestAsked, ...sizes);
    return sizes;
  }

  /** The last round is over: on to the next size, or to the end of the search. */
  #searchOn(now: Millis): void {
    this.#round = undefined;
    if (!this.#isSearching) return;
    if (this.#passed > 0 && this.#sizes().length > 0) {
      this.#searchAt = now;
      return;
    }
    const { raiseMillis, blackHoleMillis } = pathMtuLimits;
    this.#isKnown = true;
    this.#isSearching = false;
    this.#searchAt = now + (this.#hadBlackHole || this.#passed === 0 ? blackHoleMillis : raiseMillis);
    this.#hadBlackHole = false;
  }

  #fail(round: Round, now: Millis): void {
    round.open.delete(this.#least);
    const failed = Math.min(...round.open);
    if (failed <= this.#passed) {
      this.#passed = round.acknowledged;
      this.#isKnown = false;
      this.#isSearching = true;
      this.#hadBlackHole = true;
    }
    this.#failed = Math.min(this.#failed, failed);
    this.#searchOn(now);
  }

  /** What to ask for next; empty when nothing is left to gain. */
  #sizes(): readonly number[] {
    const { likely, step } = pathMtuLimits;
    const [passed, failed, upper] = [this.#passed, this.#failed, this.#upper];
    const first = passed < likely ? Math.min(likely, upper) : upper;
    const sizes = passed === 0 && !this.#isProved ? [this.#least] : [this.#least, this.#base, first];
    if (passed === 0) return [...new Set(sizes)].filter((size) => size < failed);
    if (failed > upper) return [...new Set(sizes)].filter((size) => size > passed);
    const isBaseBetween = this.#base - passed >= step && this.#base < failed;
    const next = isBaseBetween ? this.#base : Math.floor((passed + failed) / 2);
    return next - passed < step ? [] : [next];
  }
}
