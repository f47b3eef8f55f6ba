import type { PeerId } from "../../core/contracts/values.ts";

/**
 * Who has said to whom it leaves its space: said in a session, so it is known who it was, and never stored, so that what
 * was meant for one evening binds nobody later.
 */
export class Leaving {
  readonly #heirs = new Map<PeerId, PeerId>();
  /** Whom this node has asked whether it holds what it was left. */
  #asked: PeerId | undefined;
  #isHeld = false;

  /** Itself as heir takes back what it has said. Of those who are not among `peers` any more nothing is kept. */
  heard(from: PeerId, heir: PeerId, peers: readonly PeerId[]): void {
    for (const peer of this.#heirs.keys()) if (!peers.includes(peer)) this.#heirs.delete(peer);
    if (heir === from) this.#heirs.delete(from);
    else this.#heirs.set(from, heir);
  }

  /** This node asks its heir anew: what that one has said before was about less. */
  ask(heir: PeerId): void {
    this.#asked = heir;
    this.#isHeld = false;
  }

  /** A peer says that it holds what this node has left to it; of one that was not asked that says nothing. */
  got(from: PeerId): void {
    if (from === this.#asked) this.#isHeld = true;
  }

  isHeldBy(heir: PeerId): boolean {
    return this.#isHeld && this.#asked === heir;
  }

  heirOf(peer: PeerId): PeerId | undefined {
    return this.#heirs.get(peer);
  }
}
