/**
 * Who differs for good, and is told the same again less and less often: pure, time is handed in.
 *
 * Two honest nodes can differ without end. One keeps for others what its owner has superseded, or has no place for all
 * that the other holds. Whatever they tell each other then changes nothing, but costs each of them a signature check per
 * record, every half minute and with every such peer. So what is told is remembered by both digests: while neither
 * changes, it is told again when the difference has lasted twice as long. Anything new on either side begins anew.
 */
import type { Millis, PeerId } from "../contracts/values.ts";
import { equalBytes } from "../wire/bytes.ts";

/** As long as a difference may well be due to datagrams that were lost. */
export const patience: Millis = 90_000;
/** The longest between two tellings. */
export const longestSilence: Millis = 3_600_000;

interface Difference {
  readonly ours: Uint8Array;
  readonly theirs: Uint8Array;
  readonly since: Millis;
  notBefore: Millis;
}

export class Stalemates {
  /** By peer and by what is compared. */
  readonly #differences = new Map<PeerId, Map<string, Difference>>();

  /** Whether to tell this peer what we have of `subject`, of which the two digests differ. */
  isWorthTelling(
    peer: PeerId,
    subject: string,
    digests: readonly [Uint8Array, Uint8Array],
    now: Millis,
  ): boolean {
    const [ours, theirs] = digests;
    const known = this.#differences.get(peer)?.get(subject);
    if (known === undefined || !equalBytes(known.ours, ours) || !equalBytes(known.theirs, theirs)) {
      const subjects = this.#differences.get(peer) ?? new Map<string, Difference>();
      this.#differences.set(peer, subjects.set(subject, { ours, theirs, since: now, notBefore: now }));
      return true;
    }
    const age = now - known.since;
    if (age < patience) return true;
    if (now < known.notBefore) return false;
    known.notBefore = now + Math.min(age, longestSilence);
    return true;
  }

  /**
   * They agree, so if they did not before, something has come across, and all else is worth a try: records that nobody
   * there could judge may have waited for an admission.
   */
  settle(peer: PeerId, subject: string): void {
    if (this.#differences.get(peer)?.has(subject)) this.#differences.delete(peer);
  }

  /** Lets go of all other peers and subjects. */
  keepOnly(peers: readonly PeerId[], subjects: readonly string[]): void {
    const [keptPeers, keptSubjects] = [new Set(peers), new Set(subjects)];
    for (const [peer, differences] of this.#differences) {
      for (const subject of differences.keys()) if (!keptSubjects.has(subject)) differences.delete(subject);
      if (!keptPeers.has(peer) || differences.size === 0) this.#differences.delete(peer);
    }
  }
}
