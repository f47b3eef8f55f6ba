/**
 * Asking others for space, one peer after the other: pure, time is handed in. A round asks everybody connected once,
 * those first who own most of what is wanted. After a round without success comes a pause that doubles.
 */
import type { Millis, PeerId, Prefix } from "../../core/contracts/values.ts";
import { addressWidth } from "../../core/wire/prefix.ts";

/** How long an answer may take, and the pause after a round: 500 ms, doubling to 5 s. */
export const firstDelay: Millis = 500;
export const longestDelay: Millis = 5000;

/** What the asker can see of its peers. */
export interface Donors {
  /** Peers that can be asked now. */
  peers(): readonly PeerId[];
  /** How many addresses inside `within` the peer owns, as far as is known. */
  owned(peer: PeerId, within: Prefix): bigint;
}

export interface Question {
  readonly to: PeerId;
  readonly request: number;
  readonly within: Prefix;
}

export class Asking {
  readonly within: Prefix;
  readonly #asked = new Set<PeerId>();
  readonly #refused = new Set<PeerId>();
  #open: Question | undefined;
  #deadline: Millis;
  #delay: Millis = firstDelay;

  constructor(within: Prefix, now: Millis) {
    this.within = within;
    this.#deadline = now;
  }

  /** When {@link ask} wants to be called again. */
  get deadline(): Millis {
    return this.#deadline;
  }

  /** Who said in this round that it has nothing to spare. */
  get refusedBy(): ReadonlySet<PeerId> {
    return this.#refused;
  }

  /** The next question if it is time for one; an answer that is overdue counts as none. */
  ask(now: Millis, donors: Donors, request: number): Question | undefined {
    if (now < this.#deadline) return undefined;
    const to = this.#next(donors);
    if (to === undefined) return this.#pause(now);
    this.#asked.add(to);
    this.#deadline = now + this.#delay;
    return this.#open = { to, request, within: this.within };
  }

  /** A peer has refused the question with this number; it is time for the next one. False for any other number. */
  refuse(from: PeerId, request: number, now: Millis): boolean {
    if (this.#open?.to !== from || this.#open.request !== request) return false;
    this.#refused.add(from);
    this.#open = undefined;
    this.#deadline = now;
    return true;
  }

  /** Ask at once, everybody again: something has changed. */
  hurry(now: Millis): void {
    this.#asked.clear();
    this.#refused.clear();
    this.#delay = firstDelay;
    if (this.#open === undefined) this.#deadline = now;
  }

  #next(donors: Donors): PeerId | undefined {
    const isHost = this.within.bits === addressWidth(this.within.address.family);
    const candidates = donors.peers().filter((peer) => !this.#asked.has(peer))
      .map((peer) => ({ peer, owned: donors.owned(peer, this.within) }))
      // Only its owner can give a single address. Else a peer may own more than we have heard of.
      .filter(({ owned }) => owned > 0n || !isHost);
    candidates.sort((a, b) => a.owned > b.owned ? -1 : a.owned < b.owned ? 1 : a.peer < b.peer ? -1 : 1);
    return candidates[0]?.peer;
  }

  #pause(now: Millis): undefined {
    this.#asked.clear();
    this.#refused.clear();
    this.#open = undefined;
    this.#deadline = now + this.#delay;
    this.#delay = Math.min(2 * this.#delay, longestDelay);
  }
}
