/**
 * Is the peer still there? When nothing authentic has come for 5 s, it is asked; after three unanswered requests it is
 * down, 20 s after its last sign of life at most. Any authentic packet counts as an answer to that question; only the
 * empty data message that answers a request measures the round trip.
 *
 * A peer that only sends is not silent, and yet has to be sent something now and then: translators on the way forget a mapping
 * that nothing has left through, most after 30 s or later (RFC 4787 §4.3). How long that may take here, `keeping` says.
 */
import type { Millis } from "../../core/contracts/values.ts";
import { limits, protocol } from "./constants.ts";

export type KeepaliveAction = "request" | "dead";

export class Keepalive {
  readonly #keeping: { readonly every: Millis };
  #receivedAt: Millis;
  #requestedAt: Millis;
  /** Requests since the last sign of life that this peer owed us. */
  #unanswered = 0;
  /** When the request was sent whose answer will measure the round trip; undefined: none, or it would be ambiguous. */
  #asked: Millis | undefined;

  constructor(now: Millis, keeping: { readonly every: Millis } = { every: limits.roundTripMillis }) {
    this.#keeping = keeping;
    this.#receivedAt = now;
    this.#requestedAt = now;
  }

  /** When something authentic last came. */
  get heardAt(): Millis {
    return this.#receivedAt;
  }

  /** A request has gone unanswered. */
  get isDoubtful(): boolean {
    return this.#unanswered > 1;
  }

  /** The way has changed: the next answer may have taken the old one, and measures neither. */
  moved(): void {
    this.#asked = undefined;
  }

  /** Something authentic came. */
  received(now: Millis): void {
    this.#receivedAt = now;
    this.#unanswered = 0;
  }

  /** An answer to a request came; gives the round trip when it is certain which request it answers. */
  answered(now: Millis): Millis | undefined {
    const asked = this.#asked;
    this.#asked = undefined;
    return asked === undefined ? undefined : now - asked;
  }

  /** A request is being sent, for whichever reason. */
  requested(now: Millis): void {
    const overlaps = this.#asked !== undefined && now - this.#asked < protocol.keepaliveMillis;
    this.#asked = overlaps ? undefined : now;
    this.#requestedAt = now;
  }

  deadline(): Millis {
    return Math.min(
      this.#silenceAt(),
      this.#requestedAt + Math.min(this.#keeping.every, limits.roundTripMillis),
    );
  }

  /** What is due. A `request` is then to be sent and told by {@link requested}. */
  due(now: Millis): KeepaliveAction | undefined {
    if (now < this.deadline()) return undefined;
    if (now < this.#silenceAt()) return "request";
    if (this.#unanswered >= protocol.keepaliveLimit) return "dead";
    this.#unanswered += 1;
    return "request";
  }

  #silenceAt(): Millis {
    return (this.#unanswered === 0 ? this.#receivedAt : this.#requestedAt) + protocol.keepaliveMillis;
  }
}
