/**
 * The sessions of one peer. Rekeying loses no packet because for a while there are several:
 *
 *     as initiator:  response ──> current, and the current one before ──> retired
 *     as responder:  initiation ──> next ──first message under it──> current, and the one before ──> retired
 *
 * The responder does not send under `next` before the initiator has: an initiation may be a replay. Retired sessions
 * only open what is still under way. WireGuard keeps one of them; three are kept here, because when both sides initiate at
 * once a peer's traffic may for long come in a session that is not our current one. When they do so again, that one, the
 * current one and the next all retire at one response, and the peer sends in the first until it has ours.
 */
import type { PeerIdentity } from "../../core/contracts/membership.ts";
import type { Millis } from "../../core/contracts/values.ts";
import { limits } from "./constants.ts";
import type { Session } from "./session.ts";

/** What the peer has shown in the handshake of a session. */
export interface Proof {
  readonly identity: PeerIdentity;
  readonly noiseKey: Uint8Array;
  readonly credentials: Uint8Array;
  readonly instance: Uint8Array;
  /** Extensions that it speaks. */
  readonly features: readonly string[];
}

/** A session and what it was made with. */
export interface Held {
  readonly session: Session;
  readonly proof: Proof;
}

export class SessionSlots<H extends Held> {
  readonly #release: (held: H) => void;
  #current: H | undefined;
  #next: H | undefined;
  #retired: H[] = [];

  /** `release` is called once for each session that leaves its slot for good. */
  constructor(release: (held: H) => void) {
    this.#release = release;
  }

  /** The session to send in. */
  get current(): H | undefined {
    return this.#current;
  }

  /** Every session there is, in no order. */
  all(): readonly H[] {
    return [this.#current, this.#next, ...this.#retired].filter((held) => held !== undefined);
  }

  /** A handshake of ours was answered. */
  initiated(held: H): void {
    this.#retire(this.#current);
    this.#retire(this.#next);
    this.#next = undefined;
    this.#current = held;
  }

  /** We have answered a handshake. */
  responded(held: H): void {
    if (this.#next !== undefined) this.#release(this.#next);
    this.#next = held;
  }

  /** A message came under `held`; true when that made it current. */
  confirm(held: H): boolean {
    if (held !== this.#next) return false;
    this.#next = undefined;
    this.#retire(this.#current);
    this.#current = held;
    return true;
  }

  /** Drops every session but the current one: they belong to a peer that is no more. */
  keepCurrent(): void {
    for (const held of this.#retired) this.#release(held);
    this.#retired = [];
    if (this.#next !== undefined) this.#release(this.#next);
    this.#next = undefined;
  }

  /** Drops what is over; true when the current session was. */
  expire(now: Millis): boolean {
    const isOver = (held: H | undefined): held is H => held !== undefined && now >= held.session.endsAt;
    for (const held of this.#retired.filter(isOver)) this.#release(held);
    this.#retired = this.#retired.filter((held) => !isOver(held));
    if (isOver(this.#next)) {
      this.#release(this.#next);
      this.#next = undefined;
    }
    if (!isOver(this.#current)) return false;
    this.#release(this.#current);
    this.#current = undefined;
    return true;
  }

  clear(): void {
    this.keepCurrent();
    if (this.#current !== undefined) this.#release(this.#current);
    this.#current = undefined;
  }

  /** When the first of them is over. */
  endsAt(): Millis | undefined {
    const ends = this.all().map(({ session }) => session.endsAt);
    return ends.length === 0 ? undefined : Math.min(...ends);
  }

  #retire(held: H | undefined): void {
    if (held === undefined) return;
    this.#retired.push(held);
    if (this.#retired.length > limits.retiredSessions) this.#release(this.#retired.shift()!);
  }
}
