/** Who is told digests in a round: a few of all peers, others each time. */
import type { PeerId } from "../contracts/values.ts";

/** With 64 peers each has its turn in four minutes, and one is enough. */
export const roundPeers = 8;

export class PeerTurns {
  #next = 0;

  next(peers: readonly PeerId[]): readonly PeerId[] {
    if (peers.length <= roundPeers) return peers;
    this.#next = (this.#next + roundPeers) % peers.length;
    return [...peers, ...peers].slice(this.#next, this.#next + roundPeers);
  }
}
