/** Nodes that run twice with one identity: where that was seen, which alerts say so, and who is told. */
import type { PeerId } from "../contracts/values.ts";
import type { Alerts } from "./alerts.ts";
import type { Introductions } from "./introductions.ts";
import type { NetworkState } from "./network_state.ts";

export interface CloneParts {
  readonly state: Pick<NetworkState, "self" | "peerName">;
  readonly alerts: Pick<Alerts, "raise" | "clear">;
  readonly introductions: Pick<Introductions, "tellClone">;
}

export class Clones {
  readonly #parts: CloneParts;
  /** Where clones of peers were seen. */
  readonly #places = new Map<PeerId, readonly string[]>();

  constructor(parts: CloneParts) {
    this.#parts = parts;
  }

  /**
   * Both are told: the newer one over the session that it is about to lose, which still stands when this is said, and
   * the older one when it is back.
   */
  detected(peer: PeerId, places: readonly string[]): void {
    const { state, introductions } = this.#parts;
    if (peer === state.self.id) return this.raiseOwn(places);
    const name = state.peerName(peer) ?? peer;
    this.#places.set(peer, places);
    this.#raise(peer, `${name} runs twice with one identity, at ${places.join(" and ")}; reset one of them`);
    introductions.tellClone(peer, places);
  }

  /** A session with it has come up: it may not have heard yet. */
  greet(peer: PeerId): void {
    const places = this.#places.get(peer);
    if (places !== undefined) this.#parts.introductions.tellClone(peer, places);
  }

  /** The peer is no member any more. */
  forget(peer: PeerId): void {
    if (this.#places.delete(peer)) this.#parts.alerts.clear(alertOf(peer));
  }

  /** Another one has seen a clone of this node. */
  raiseOwn(places: readonly string[]): void {
    const where = places.length === 0 ? "" : ` (seen at ${places.join(" and ")})`;
    this.#raise(
      this.#parts.state.self.id,
      `another node runs with this node's identity${where}; stop one of the two and reset it`,
    );
  }

  #raise(peer: PeerId, detail: string): void {
    this.#parts.alerts.raise(alertOf(peer), detail);
  }
}

function alertOf(peer: PeerId): string {
  return `identity-cloned:${peer}`;
}
