/**
 * Where a peer is, and which way to take when there are several: to an address, in a stream, or through a relay.
 *
 *     at an address, from another one      the newest message moves it, as in WireGuard
 *     at an address, through a relay       only once the address is silent: late messages come through the relay for a while
 *     through a relay, from an address     once it is proved in both directions
 *     in a stream                          between the two: as a relay to addresses, as an address to relays
 *     through a relay, from another one,   only the one with the smaller id waits until its own is silent: were both to follow
 *     or in a stream, from another one     the other at once, or both to wait, they could swap them for ever. To a relay that
 *                                          it prefers it goes when the peer has answered there
 *
 * A request for a sign of life that comes from an address proves one direction: it may be on its way where no answer comes
 * back. So it is answered there and asked back, and keeps no way alive. All else from an address is proof: answers go where the question came from,
 * and what is sent of the peer's own accord goes where the peer has had its proof.
 *
 * While both ways work nothing is lost by changing from one to the other, for both sides take what comes by either.
 */
import type { Endpoint, Millis, PeerId } from "../../core/contracts/values.ts";
import { sameEndpoint } from "../../core/wire/endpoint.ts";
import { isRelayEndpoint } from "../../core/wire/relay_endpoint.ts";
import { isStreamEndpoint } from "../../core/wire/stream_endpoint.ts";
import { limits } from "./constants.ts";

/** What kind of way it is: the lower, the better. A stream delays all that follows what was lost, a relay does so for others, too. */
export type Rank = 0 | 1 | 2;

export function rankOf(endpoint: Endpoint): Rank {
  if (isRelayEndpoint(endpoint)) return 2;
  return isStreamEndpoint(endpoint) ? 1 : 0;
}

export type WayVerdict = "stay" | "ask" | "move";

/** What came, as far as the way is concerned. */
export interface Heard {
  readonly from: Endpoint;
  /** It is a request for a sign of life. */
  readonly asks: boolean;
  /** No later message has come before it. */
  readonly newest: boolean;
}

export class LinkWay {
  readonly #leads: boolean;
  #endpoint: Endpoint | undefined;
  /** The last one that was neither in a stream nor behind a relay. */
  #address: Endpoint | undefined;
  #heardAt: Millis = -Infinity;
  #isGone = false;
  #preferred: Endpoint | undefined;
  #seekAt: Millis = Infinity;
  #askedAt: Millis = -Infinity;

  constructor(self: PeerId, peer: PeerId) {
    this.#leads = self < peer;
  }

  get endpoint(): Endpoint | undefined {
    return this.#endpoint;
  }

  get address(): Endpoint | undefined {
    return this.#address;
  }

  get isRelayed(): boolean {
    return this.#endpoint !== undefined && isRelayEndpoint(this.#endpoint);
  }

  /** Of the way there is. */
  get rank(): Rank {
    return this.#endpoint === undefined ? 0 : rankOf(this.#endpoint);
  }

  /** When addresses of the peer are to be tried: while it is behind a relay or in a stream, again and again. */
  get seekAt(): Millis {
    return this.#seekAt;
  }

  isAt(endpoint: Endpoint): boolean {
    return this.#endpoint !== undefined && sameEndpoint(this.#endpoint, endpoint);
  }

  /** Behind which other relay the peer is to be from now on, if it answers there; false where that is not for this side to say. */
  prefer(place: Endpoint): boolean {
    const isMine = this.#leads && this.isRelayed && isRelayEndpoint(place) && !this.isAt(place);
    if (isMine) this.#preferred = place;
    return isMine;
  }

  /** What to do about a message that has verified. */
  heard({ from, asks, newest }: Heard, now: Millis): WayVerdict {
    if (this.isAt(from) && !asks) this.heardHere(now);
    if (!newest || this.isAt(from)) return "stay";
    const rank = rankOf(from);
    if (rank < this.rank) return asks ? "ask" : "move";
    if (rank === 0) return "move";
    const isPreferred = !asks && this.#preferred !== undefined && sameEndpoint(from, this.#preferred);
    const waits = rank > this.rank || (this.#leads && !isPreferred);
    return waits && this.#isAlive(now) ? "stay" : "move";
  }

  /** Something authentic came this way. */
  heardHere(now: Millis): void {
    this.#heardAt = now;
    this.#isGone = false;
  }

  move(to: Endpoint, now: Millis): void {
    this.#endpoint = to;
    this.#preferred = undefined;
    if (this.rank > 0) this.#seekAt = now;
    else {
      this.#address = to;
      this.#seekAt = Infinity;
    }
    this.heardHere(now);
  }

  sought(now: Millis): void {
    this.#seekAt = now + limits.seekAddressMillis;
  }

  /** The link is down: nothing is to be tried. */
  rest(): void {
    this.#seekAt = Infinity;
  }

  /** The relay on the way has said that it leads nowhere, or is itself gone. */
  gone(): void {
    this.#isGone = true;
  }

  /** Whether other ways may be tried now: whoever makes this node do so does it once a second. */
  mayAsk(now: Millis): boolean {
    if (now - this.#askedAt < limits.askWayMillis) return false;
    this.#askedAt = now;
    return true;
  }

  #isAlive(now: Millis): boolean {
    return !this.#isGone && now - this.#heardAt < limits.wayAliveMillis;
  }
}
