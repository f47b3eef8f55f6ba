/**
 * Whether data to and from one peer crosses in plain.
 *
 *     both have said in the handshake of the current session that they trust where the other one is  ┐
 *     the peer is now in a network that this node trusts, and no other peer is at the same place     ┘─> taken
 *     taken, and the peer has been heard in a session since it could know that, or it was sent so before ─> sent, too
 *
 * Who has answered a handshake believes it only with the first message in its session, so whoever has called takes plain
 * packets first and sends them after the answer to that message: no packet is lost when packets begin to cross so. What one
 * side says in a handshake holds for this session alone. A peer that leaves the trusted network may not know it, and one that
 * comes back even less: both are told by a new handshake.
 *
 * Plain packets are no sign of life, move no endpoint and renew nothing: anybody who can send from the peer's address can
 * make them up, and could keep a dead peer alive. Keepalives, which are sealed, go on as if there was no data at all.
 */
import { Drop } from "../../core/contracts/drop.ts";
import type { OverlayPacket } from "../../core/contracts/encapsulation.ts";
import type { Endpoint, Millis, PeerId } from "../../core/contracts/values.ts";
import { sameEndpoint } from "../../core/wire/endpoint.ts";
import { readU16 } from "../../core/wire/field.ts";
import { limits } from "./constants.ts";
import { mayBePlain } from "./gre_record.ts";
import type { LinkSession } from "./link_session.ts";
import type { Local } from "./local.ts";
import { trustedFeature } from "./member_handshake.ts";
import type { TrustedPeer } from "./trusted.ts";

/** The link, as this part of it sees it. */
export interface PlainLink {
  readonly id: PeerId;
  readonly isUp: boolean;
  readonly endpoint: Endpoint | undefined;
  /** The session to send in. */
  readonly held: LinkSession | undefined;
  /** Tells the data path worker how packets leave now. */
  showWay(): void;
  deliver(held: LinkSession, gre: Uint8Array, forwarded: boolean): Drop;
}

/** As of the link. */
export interface PlainOwner<L> {
  readonly local: Local;
  redial(link: L, at: Millis): void;
  disagreed(link: L, now: Millis): void;
}

export class LinkPlain<L extends PlainLink> implements TrustedPeer {
  readonly #link: L;
  readonly #owner: PlainOwner<L>;
  /** In a trusted network, and this peer's; undefined: it is elsewhere. */
  #place: Endpoint | undefined;
  #isTaken = false;
  #isSent = false;
  #isDisplaced = false;
  #renewalAt: Millis = -Infinity;

  constructor(link: L, owner: PlainOwner<L>) {
    this.#link = link;
    this.#owner = owner;
  }

  /** Packets to the peer go in plain. */
  get isSent(): boolean {
    return this.#isSent;
  }

  /** Another peer has been heard at this one's place since. */
  get isDisplaced(): boolean {
    return this.#isDisplaced;
  }

  /**
   * To be called after every change of session or endpoint, when the peer was heard in a session for the first time, and
   * when it was heard after another one at its place.
   */
  settle(now: Millis): void {
    const { trusted } = this.#owner.local;
    const { isUp, endpoint, held } = this.#link;
    if (trusted.isNone || !isUp || endpoint === undefined || held === undefined) return;
    const isTrusted = trusted.includes(endpoint);
    const isAgreed = held.session.mayBePlain;
    this.#move(isTrusted ? endpoint : undefined);
    this.#isTaken = isTrusted && isAgreed;
    this.#change(this.#isTaken && (held.isHeard || this.#isSent));
    // It was agreed on for a place, and the peer need not know that it seems to be at another one.
    if (isAgreed !== (isTrusted && held.proof.features.includes(trustedFeature))) this.#renew(now);
  }

  /** The link is down. */
  end(): void {
    this.#move(undefined);
    this.#isTaken = this.#isSent = this.#isDisplaced = false;
  }

  displaced(): void {
    this.#place = undefined;
    this.#isTaken = false;
    this.#isDisplaced = true;
    this.#change(false);
  }

  receivePlain(gre: Uint8Array, now: Millis): Drop {
    const { held } = this.#link;
    if (!this.#isTaken || held?.session.isUsable(now) !== true) {
      // It may believe in a session that is not the current one here, and both sides will believe in a new one.
      this.#owner.disagreed(this.#link, now);
      return Drop.badSource;
    }
    if (gre.length < 4) return Drop.malformed;
    return mayBePlain(readU16(gre, 2)) ? this.#link.deliver(held, gre, false) : Drop.unsupported;
  }

  /**
   * Sends `gre`, which is `packet`, if it is to go as it is; false: it is not. No bit of a GRE header says that a packet was
   * forwarded, and none could be believed.
   */
  send({ protocol, forwarded }: OverlayPacket, gre: Uint8Array, now: Millis): boolean {
    const { endpoint, held } = this.#link;
    if (!this.#isSent || forwarded || !mayBePlain(protocol)) return false;
    if (endpoint === undefined || held?.session.isUsable(now) !== true) return false;
    this.#owner.local.outbox.transmit(gre, endpoint, now);
    return true;
  }

  #change(isSent: boolean): void {
    if (this.#isSent === isSent) return;
    this.#isSent = isSent;
    this.#link.showWay();
    this.#owner.local.outbox.push({ type: "plain", peer: this.#link.id, isPlain: isSent });
  }

  #move(place: Endpoint | undefined): void {
    const left = this.#place;
    this.#place = place;
    this.#isDisplaced = false;
    if (left !== undefined && (place === undefined || !sameEndpoint(place, left))) {
      this.#owner.local.trusted.leave(left, this);
    }
    if (place !== undefined) this.#owner.local.trusted.enter(place, this);
  }

  #renew(now: Millis): void {
    if (this.#renewalAt > now) return; // one is due already
    this.#renewalAt = Math.max(now, this.#renewalAt + limits.trustRenewalMillis);
    this.#owner.redial(this.#link, this.#renewalAt);
  }
}
