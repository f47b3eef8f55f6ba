/**
 * How much of this node's time each peer may take with records: pure, time is handed in.
 *
 * To check a signature takes a millisecond or two, to send a record takes none. A member that sends records of which
 * nothing is new, or announces itself without end, must not leave the others no time for packets. Time is what is
 * counted, and not messages: copies of what is held cost next to nothing, and everybody passes on everything. What is
 * not heard is lost as if on its way, and found again by the next digests.
 */
import type { Millis, PeerId } from "../contracts/values.ts";

/** What a peer may take at once. */
export const fullCredit: Millis = 2000;
/** Of every millisecond that passes. */
const refill = 0.1;
/** Time for what was new counts this much: there is an end to it among honest nodes, and they need all of it. */
const newsShare = 0.25;

interface Account {
  credit: Millis;
  at: Millis;
}

export class Hearing {
  readonly #accounts = new Map<PeerId, Account>();

  isHeard(peer: PeerId, now: Millis): boolean {
    const account = this.#accounts.get(peer);
    if (account === undefined) return true;
    account.credit = Math.min(fullCredit, account.credit + (now - account.at) * refill);
    account.at = now;
    if (account.credit === fullCredit) this.#accounts.delete(peer);
    return account.credit > 0;
  }

  /** `time` was spent on this peer's records, of which the part `news`, 0 to 1, was new. */
  charge(peer: PeerId, { time, news }: { readonly time: Millis; readonly news: number }, now: Millis): void {
    if (time <= 0) return;
    const { credit } = this.#accounts.get(peer) ?? { credit: fullCredit };
    const cost = time * (1 - news + news * newsShare);
    // Never below nothing by more than there is: who was asleep meanwhile must not blame the peer for hours.
    this.#accounts.set(peer, { credit: Math.max(-fullCredit, credit - cost), at: now });
  }

  /** Lets go of all others. */
  keepOnly(peers: readonly PeerId[]): void {
    const kept = new Set(peers);
    for (const peer of this.#accounts.keys()) if (!kept.has(peer)) this.#accounts.delete(peer);
  }
}
