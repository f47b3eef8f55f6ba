/**
 * Where a peer is, and which way to take when there are several: to an address, or through a relay.
 *
 *     at an address, from another one      the newest message moves it, as in WireGuard
 *     at an address, through a relay       only once the address is silent: late messages come through the relay for a while
 *     through a relay, from an address     once it is proved in both directions
 *     through a relay, from another one    only the one with the smaller id waits until its own is silent: were both to follow
 *                                          the other at once, or both to wait, they could swap relays for ever
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
import { limits } from "./constants.ts";

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
  /** The last address that was not behind a relay. */
  #address: Endpoint | undefined;
  #heardAt: Millis = -Infinity;
  #isGone = false;
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

  /** When addresses of the peer are to be tried: while it is behind a relay, again and again. */
  get seekAt(): Millis {
    return this.#seekAt;
  }

  isAt(endpoint: Endpoint): boolean {
    return this.#endpoint !== undefined && sameEndpoint(this.#endpoint, endpoint);
  }

  /** What to do about a message that has verified. */
  heard({ from, asks, newest }: Heard, now: Millis): WayVerdict {
    if (this.isAt(from) && !asks) this.heardHere(now);
    if (!newest || this.isAt(from)) return "stay";
    const isRelay = isRelayEndpoint(from);
    if (!isRelay && this.isRelayed) return asks ? "ask" : "move";
    if (!isRelay) return "move";
    const waits = !this.isRelayed || this.#leads;
    return waits && this.#isAlive(now) ? "stay" : "move";
  }

  /** Something authentic came this way. */
  heardHere(now: Millis): void {
    this.#heardAt = now;
    this.#isGone = false;
  }

  move(to: Endpoint, now: Millis): void {
    this.#endpoint = to;
    if (isRelayEndpoint(to)) this.#seekAt = now;
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
