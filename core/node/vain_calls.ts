/**
 * Members that do not answer. Each one that is called costs a handshake every five seconds, and there may be thousands
 * that nobody can reach: hosts of a site that is cut off, or names that a member has invented. So many are called on, and
 * the others rest and take turns with them.
 */
import type { PeerId } from "../contracts/values.ts";

export interface Turn {
  /** Whom nobody is to call any more for now. */
  readonly rest?: PeerId;
  /** Whose turn it is. */
  readonly wake?: PeerId;
}

export class VainCalls {
  readonly #most: number;
  /** Whose last round of calls got nowhere, those that have failed first in front. */
  readonly #called = new Set<PeerId>();
  /** In the order in which they are called again. */
  readonly #resting = new Set<PeerId>();

  constructor(most: number) {
    this.#most = most;
  }

  isResting(peer: PeerId): boolean {
    return this.#resting.has(peer);
  }

  /** A round of calls to `peer` got nowhere. */
  failed(peer: PeerId): Turn {
    if (this.#called.has(peer)) {
      return this.#resting.size === 0 ? {} : { rest: this.#rest(peer), wake: this.#wake() };
    }
    this.#resting.delete(peer);
    this.#called.add(peer);
    return this.#called.size > this.#most ? { rest: this.#rest([...this.#called][0]!) } : {};
  }

  /** It has answered, or is no member any more. */
  forget(peer: PeerId): void {
    this.#called.delete(peer);
    this.#resting.delete(peer);
  }

  #rest(peer: PeerId): PeerId {
    this.#called.delete(peer);
    this.#resting.add(peer);
    return peer;
  }

  #wake(): PeerId {
    const [first] = this.#resting;
    this.#resting.delete(first!);
    return first!;
  }
}
