/**
 * When members were heard last, by whatever came of them, gossip or data. Only the latest are kept: evidence older than
 * an accusation says nothing, and a member that is heard again is put back at the end.
 */
import { limits } from "./options.ts";

export class Evidence {
  readonly #heard = new Map<number, number>();

  note(peer: number, now: number): void {
    this.#heard.delete(peer);
    this.#heard.set(peer, now);
    if (this.#heard.size <= limits.evidence) return;
    for (const oldest of this.#heard.keys()) {
      this.#heard.delete(oldest);
      return;
    }
  }

  /** -Infinity for one that was never heard, or long ago. */
  at(peer: number): number {
    return this.#heard.get(peer) ?? Number.NEGATIVE_INFINITY;
  }

  forget(peer: number): void {
    this.#heard.delete(peer);
  }
}
