/**
 * Opening a way between two nodes that see each other only through a third. Each tells the other where it may be tried, over
 * the session that they have, and then both send to all of that at the same time: what leaves opens a translator's filter for
 * what is about to come (RFC 5128 §3.3). A pure machine; what is sent and what counts as an answer is the encapsulation's.
 *
 *     relayed ── tell ──> round: 0, 0.2, 0.5, 1, 2 s ── nothing opened ──> rest: 30 s, then double, up to 10 min ──> round …
 *                           ^                                                                     │
 *                           └──────────── the other begins, or either is elsewhere than before ───┘
 *
 * A round costs at most 8 × 5 datagrams of 60 bytes. The other side can begin rounds, so there is a rate: a peer that gives
 * a third's endpoints for its own gets 40 such datagrams sent there per {@link roundEvery} after a burst, and no more.
 *
 * Near candidates go before far ones within each step: the first that answers ends the round, and where two answer the later
 * answer would be followed.
 */
import type { Endpoint, Millis, PeerId } from "../contracts/values.ts";
import { formatEndpoint } from "../wire/endpoint.ts";
import { Allowance } from "./allowance.ts";
import { type CandidateRank, rankCandidates, rankOf, type Surroundings } from "./candidates.ts";

export type Opening =
  | { readonly type: "tell"; readonly peer: PeerId; readonly wanted: boolean }
  | { readonly type: "try"; readonly peer: PeerId; readonly endpoint: Endpoint };

interface Step {
  readonly at: Millis;
  readonly rank: CandidateRank;
}

interface Pair {
  /** What the other said, usable and ranked; undefined before it has. */
  candidates: readonly Endpoint[] | undefined;
  /** Of the round under way, those that are due next first. */
  steps: readonly Step[];
  /** Rounds in vain since anything was new. */
  rounds: number;
  restsUntil: Millis;
  /** Rounds that the other may begin; a message of its costs one. */
  readonly allowance: Allowance;
}

const roundMillis: readonly Millis[] = [0, 200, 500, 1_000, 2_000];
/** Between ranks within a step: longer than an answer takes on one link. */
const rankGap: Millis = 40;
const ranks: readonly CandidateRank[] = [0, 1, 2, 3];
const firstRest: Millis = 30_000;
const longestRest: Millis = 600_000;
/** The other may begin so many rounds at once, and one more after each such time. */
const roundBurst = 6;
const roundEvery: Millis = 10_000;
/** Peers behind relays that are tried at a time; the others wait until one of these is open or gone. */
export const mostPairs = 1_024;

export class Openings {
  readonly #pairs = new Map<PeerId, Pair>();
  /** Those for whom there is no room, in the order in which they came: no more than there are sessions. */
  readonly #waiting = new Set<PeerId>();
  /** What those may still begin whose way is open or whose session is over: by leaving and coming back nobody regains any. */
  readonly #left = new Map<PeerId, Allowance>();
  readonly #surroundings: () => Surroundings;
  #outputs: Opening[] = [];

  constructor(surroundings: () => Surroundings) {
    this.#surroundings = surroundings;
  }

  get size(): number {
    return this.#pairs.size;
  }

  /** There is a session with this peer, and it goes by another node. */
  relayed(peer: PeerId, now: Millis): void {
    if (this.#pairs.has(peer)) return;
    if (this.#pairs.size >= mostPairs) return void this.#waiting.add(peer);
    this.#waiting.delete(peer);
    const allowance = this.#left.get(peer) ?? new Allowance(roundBurst, roundEvery, now);
    const pair: Pair = { candidates: undefined, steps: [], rounds: 0, restsUntil: Infinity, allowance };
    this.#pairs.set(peer, pair);
    this.#begin(peer, pair, now);
  }

  /** The way is open, or the session is over: whoever waits has its turn. */
  end(peer: PeerId, now: Millis): void {
    this.#waiting.delete(peer);
    const pair = this.#pairs.get(peer);
    if (pair === undefined) return;
    this.#pairs.delete(peer);
    this.#left.delete(peer);
    this.#left.set(peer, pair.allowance);
    if (this.#left.size > mostPairs) this.#left.delete(this.#left.keys().next().value!);
    this.#outputs = this.#outputs.filter((output) => output.peer !== peer);
    const [next] = this.#waiting;
    if (next !== undefined) this.relayed(next, now);
  }

  /** This node is elsewhere than before: everybody behind a relay is told, and tried. */
  moved(now: Millis): void {
    for (const [peer, pair] of this.#pairs) {
      pair.rounds = 0;
      this.#begin(peer, pair, now);
    }
  }

  /** What `peer` has said of itself; false when it says too much. One that is not behind a relay is not tried. */
  heard(peer: PeerId, endpoints: readonly Endpoint[], wanted: boolean, now: Millis): boolean {
    const pair = this.#pairs.get(peer);
    if (pair === undefined) return true;
    if (!pair.allowance.take(now)) return false;
    const candidates = rankCandidates(endpoints, this.#surroundings());
    const isNews = textOf(candidates) !== textOf(pair.candidates);
    pair.candidates = candidates;
    if (isNews) pair.rounds = 0;
    if (wanted) this.#outputs.push({ type: "tell", peer, wanted: false });
    // Both begin at about the same time; the second word of one must not begin the other's round anew.
    if (isNews || pair.steps.length === 0) pair.steps = stepsFrom(now);
    return true;
  }

  deadline(): Millis {
    let first = Infinity;
    for (const { steps, restsUntil } of this.#pairs.values()) {
      first = Math.min(first, steps[0]?.at ?? restsUntil);
    }
    return first;
  }

  handleTimeout(now: Millis): void {
    for (const [peer, pair] of this.#pairs) {
      if (pair.steps.length === 0 && pair.restsUntil <= now) this.#begin(peer, pair, now);
      const due = pair.steps.filter(({ at }) => at <= now);
      pair.steps = pair.steps.slice(due.length);
      for (const { rank } of due) this.#step(peer, pair, rank);
      if (due.length > 0 && pair.steps.length === 0) rest(pair, now);
    }
  }

  poll(): Opening | undefined {
    return this.#outputs.shift();
  }

  #begin(peer: PeerId, pair: Pair, now: Millis): void {
    this.#outputs.push({ type: "tell", peer, wanted: true });
    pair.steps = stepsFrom(now);
  }

  /** Until the other has said where it is it is asked, as messages may be lost. */
  #step(peer: PeerId, { candidates }: Pair, rank: CandidateRank): void {
    if (candidates === undefined) {
      if (rank === ranks.at(-1)) this.#outputs.push({ type: "tell", peer, wanted: true });
      return;
    }
    const { own } = this.#surroundings();
    for (const endpoint of candidates) {
      if (rankOf(endpoint, own) === rank) this.#outputs.push({ type: "try", peer, endpoint });
    }
  }
}

function rest(pair: Pair, now: Millis): void {
  pair.restsUntil = now + Math.min(firstRest * 2 ** pair.rounds, longestRest);
  pair.rounds += 1;
}

function stepsFrom(now: Millis): readonly Step[] {
  return roundMillis.flatMap((after) => ranks.map((rank) => ({ at: now + after + rank * rankGap, rank })));
}

function textOf(endpoints: readonly Endpoint[] | undefined): string | undefined {
  return endpoints?.map(formatEndpoint).join();
}
