/** With whom something was done lately: pure, time is handed in. The turn of two members comes every few minutes only. */
import type { Millis, PeerId } from "../contracts/values.ts";

const lately: Millis = 600_000;

export class RecentPeers {
  readonly #notedAt = new Map<PeerId, Millis>();

  note(peer: PeerId, now: Millis): void {
    this.#notedAt.set(peer, now);
  }

  /** Those of the last ten minutes; the others are forgotten. */
  list(now: Millis): readonly PeerId[] {
    for (const [peer, at] of this.#notedAt) if (now - at >= lately) this.#notedAt.delete(peer);
    return [...this.#notedAt.keys()];
  }
}
