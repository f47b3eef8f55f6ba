import type { PeerId } from "../contracts/values.ts";

/** How many answers are taken of each peer: two for every question, and those of a few questions that were late. */
export class OwedAnswers {
  readonly #owed = new Map<PeerId, number>();

  asked(peer: PeerId): void {
    this.#owed.set(peer, Math.min(mostOwed, (this.#owed.get(peer) ?? 0) + 2));
  }

  /** False for one that nobody has asked for: it is not worth the signatures that it takes to judge it. */
  take(peer: PeerId): boolean {
    const owed = this.#owed.get(peer) ?? 0;
    if (owed > 0) this.#owed.set(peer, owed - 1);
    return owed > 0;
  }

  keepOnly(peers: ReadonlySet<PeerId>): void {
    for (const peer of this.#owed.keys()) if (!peers.has(peer)) this.#owed.delete(peer);
  }
}

const mostOwed = 8;
