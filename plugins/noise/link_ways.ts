/**
 * The ways to one peer in action: follows it to where it is, looks for an address while it is behind a relay, and for a relay
 * when its address falls silent. Which way to take decides `link_way.ts`.
 */
import type { Endpoint, Millis, PeerId } from "../../core/contracts/values.ts";
import { sameEndpoint } from "../../core/wire/endpoint.ts";
import { isRelayEndpoint, relayedPlace } from "../../core/wire/relay_endpoint.ts";
import { isStreamEndpoint } from "../../core/wire/stream_endpoint.ts";
import type { MeasuredWay } from "./link_path.ts";
import type { LinkPlaces } from "./link_places.ts";
import { type Heard, LinkWay, rankOf } from "./link_way.ts";
import type { Local } from "./local.ts";

/** The link, as its ways see it. */
export interface WayLink {
  readonly id: PeerId;
  readonly isUp: boolean;
  readonly sought: LinkPlaces;
  /** Sends a request for a sign of life there. */
  ask(to: Endpoint, now: Millis): void;
  /** Packets go to another place from now on; `isOtherWay`: through another relay or none, or by stream and not before, or the reverse. */
  moved(to: Endpoint, isOtherWay: boolean, now: Millis): void;
}

export interface WayOwner<L> {
  readonly local: Local;
  /** A session is wanted, to renew this one or to have one again; the first attempt is to be made at `at`. */
  redial(link: L, at: Millis): void;
  /** `link` is behind another relay than before, or none; one that is down is behind none. */
  moved(link: L, from: PeerId | undefined, to: PeerId | undefined): void;
  /** Messages to `peer` can leave through this relay now. */
  isOpen(relay: PeerId, peer: PeerId): boolean;
  /** How many relays there are on the way to a peer that is up. */
  relaysTo(peer: PeerId): number;
  /** `link` is reached another way than a moment ago: so are those behind it. */
  rerouted(link: L, now: Millis): void;
}

export class LinkWays<L extends WayLink> {
  readonly #link: L;
  readonly #owner: WayOwner<L>;
  readonly #way: LinkWay;
  #proposed: Endpoint | undefined;

  constructor(link: L, owner: WayOwner<L>) {
    this.#link = link;
    this.#owner = owner;
    this.#way = new LinkWay(owner.local.self.id, link.id);
  }

  get endpoint(): Endpoint | undefined {
    return this.#way.endpoint;
  }

  get isRelayed(): boolean {
    return this.#way.isRelayed;
  }

  /** The relay that it is behind. */
  get relay(): PeerId | undefined {
    return relayOf(this.endpoint);
  }

  /** The way there is, which leads to `endpoint`. */
  through(endpoint: Endpoint): MeasuredWay {
    return { endpoint, relays: isRelayEndpoint(endpoint) ? this.#owner.relaysTo(this.#link.id) : 0 };
  }

  isAt(place: Endpoint): boolean {
    return this.#way.isAt(place);
  }

  up(from: Endpoint, now: Millis): void {
    this.#way.move(from, now);
    this.#owner.moved(this.#link, undefined, relayOf(from));
  }

  down(): void {
    this.#way.rest();
    this.#owner.moved(this.#link, relayOf(this.endpoint), undefined);
  }

  /** Goes where the peer is, if what has come proves it. */
  follow(heard: Heard, now: Millis): void {
    const verdict = this.#way.heard(heard, now);
    if (verdict === "move" && this.#leadsOn(heard.from)) this.#move(heard.from, now);
    if (verdict === "ask" && this.#way.mayAsk(now)) this.#link.ask(heard.from, now);
    if (this.#isProposal(heard) && this.#way.mayAsk(now)) {
      this.#proposed = heard.from;
      this.#owner.redial(this.#link, now);
    }
  }

  /**
   * Where a session is to be made rather than where the peer is now; once for each time that something speaks for it. Nothing
   * does any more when the peer has been found at as good a place.
   */
  takeProposal(): Endpoint | undefined {
    const proposed = this.#proposed;
    this.#proposed = undefined;
    return proposed && rankOf(proposed) < this.#way.rank ? proposed : undefined;
  }

  /** Asks for a sign of life at another place; from behind one relay to another only if this side has a say in that. */
  probe(place: Endpoint, now: Millis): void {
    const isOther = isRelayEndpoint(place) && this.isRelayed;
    if (isOther && !(this.#leadsOn(place) && this.#way.prefer(place))) return;
    this.#link.ask(place, now);
  }

  /** Something authentic came the way that packets go. */
  heardHere(now: Millis): void {
    this.#way.heardHere(now);
  }

  /** The peer has not answered twice: it may still be heard through relays. */
  doubt(now: Millis): void {
    this.#askElsewhere(isRelayEndpoint, now);
  }

  /** The relay there has said that it leads nowhere, or is gone itself: all else is tried, no more than once a second. */
  leadsNowhere(place: Endpoint, now: Millis): void {
    if (!this.#link.isUp || !this.isAt(place)) return;
    this.#way.gone();
    if (!this.#way.mayAsk(now)) return;
    const other = this.#link.sought.all.find((each) =>
      isRelayEndpoint(each) && !this.isAt(each) && this.#leadsOn(each)
    );
    if (other !== undefined) this.#move(other, now);
    this.#askElsewhere(() => true, now);
  }

  /** When an address of the peer is looked for. */
  deadline(): Millis {
    return this.#way.seekAt;
  }

  handleTimeout(now: Millis): void {
    if (now < this.#way.seekAt) return;
    this.#way.sought(now);
    this.#askElsewhere((place) => !isRelayEndpoint(place), now);
  }

  /** The session that the peer asks in stays where it is, for a worker shares it. One that is made in the stream need not. */
  #isProposal({ from, asks, newest }: Heard): boolean {
    return asks && !newest && isStreamEndpoint(from) && this.#link.isUp && rankOf(from) < this.#way.rank;
  }

  #move(to: Endpoint, now: Millis): void {
    const [left, entered] = [relayOf(this.endpoint), relayOf(to)];
    const isOtherKind = rankOf(to) !== this.#way.rank;
    this.#way.move(to, now);
    this.#owner.moved(this.#link, left, entered);
    this.#owner.local.outbox.push({ type: "roamed", peer: this.#link.id, endpoint: to });
    this.#link.moved(to, isOtherKind || left !== entered, now);
    if (isOtherKind || left !== entered) this.#owner.rerouted(this.#link, now);
  }

  /** Whether it is an address, or behind a relay to which there is a way, other than through this very peer. */
  #leadsOn(place: Endpoint): boolean {
    const relay = relayOf(place);
    return relay === undefined || this.#owner.isOpen(relay, this.#link.id);
  }

  #askElsewhere(isMeant: (place: Endpoint) => boolean, now: Millis): void {
    const { address } = this.#way;
    const others = this.#link.sought.all.filter((place) => !address || !sameEndpoint(place, address));
    for (const place of address === undefined ? others : [address, ...others]) {
      if (isMeant(place) && !this.isAt(place) && this.#leadsOn(place)) this.#link.ask(place, now);
    }
  }
}

function relayOf(endpoint: Endpoint | undefined): PeerId | undefined {
  return endpoint && relayedPlace(endpoint)?.relay;
}
