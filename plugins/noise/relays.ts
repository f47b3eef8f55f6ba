/**
 * What goes through relays: messages of this node to a place behind one, messages that come from such a place, and, if this
 * node is willing, messages of others that it passes on.
 *
 * A relay opens what its neighbour has sealed for it and seals it anew for the next one. The message inside is between the two
 * ends: it is not looked at but for its type. Whose it is tells the session in which it came, so no neighbour can send in
 * another one's name; and a way is at most two legs long, as neither a relayed message nor a peer that is itself behind a relay
 * can be at the other end of one.
 *
 * What cannot be passed on is answered with an empty message, no more often than others are told of unknown indices: the
 * sender tries another relay at once, instead of finding out by silence.
 */
import { Drop } from "../../core/contracts/drop.ts";
import type { Relayed as RelayedCount } from "../../core/contracts/encapsulation.ts";
import type { Endpoint, Millis, PeerId } from "../../core/contracts/values.ts";
import { type RelayedPlace, relayedPlace, relayEndpoint } from "../../core/wire/relay_endpoint.ts";
import { TokenBucket } from "./bucket.ts";
import { limits } from "./constants.ts";
import type { Link } from "./link.ts";
import type { RelayedMessage } from "./link_owner.ts";
import type { Links } from "./links.ts";
import type { Local } from "./local.ts";
import { RateLimiter } from "./rate_limiter.ts";
import { RelayAllowance } from "./relay_allowance.ts";
import { decodeRelayed, mayBeRelayed, type Relayed } from "./relayed.ts";
import { forwardedFlag } from "./wire.ts";

export interface RelaysOwner {
  /** A message from a place behind a relay. */
  arrived(message: Uint8Array, from: Endpoint, now: Millis): Drop;
  /** Nothing gets to this place at present. */
  leadsNowhere(place: Endpoint, now: Millis): void;
}

const nothing = new Uint8Array(0);

export class Relays {
  readonly #local: Local;
  readonly #links: Links;
  readonly #owner: RelaysOwner;
  readonly #noWayAnswers: RateLimiter;
  readonly #noWayCalls = new TokenBucket(limits.noWayCalls, 0);
  /** Links that are up, by the relay that they are behind. */
  readonly #behind = new Map<PeerId, Set<Link>>();

  constructor(local: Local, links: Links, owner: RelaysOwner) {
    this.#local = local;
    this.#links = links;
    this.#owner = owner;
    this.#noWayAnswers = new RateLimiter(limits.noWayAnswers, local.random);
    local.outbox.toRelay = (message, place, now) => this.#send(message, place, now);
  }

  /** Whether messages can leave through this peer now. */
  isOpen(relay: PeerId): boolean {
    return this.#neighbour(relay)?.relay.offer !== undefined;
  }

  /** `link` is behind another relay than before, or none. */
  moved(link: Link, from: PeerId | undefined, to: PeerId | undefined): void {
    if (from === to) return;
    const left = from === undefined ? undefined : this.#behind.get(from);
    if (left?.delete(link) === true && left.size === 0) this.#behind.delete(from!);
    if (to === undefined) return;
    const others = this.#behind.get(to) ?? new Set();
    this.#behind.set(to, others.add(link));
  }

  /** `relay` is down, and with it all that is behind it until there is another way. */
  lost(relay: PeerId, now: Millis): void {
    for (const link of [...this.#behind.get(relay) ?? []]) {
      if (link.endpoint !== undefined) link.ways.leadsNowhere(link.endpoint, now);
    }
  }

  /** A relay has said that it does not lead there. */
  leadsNowhere(place: Endpoint, now: Millis): void {
    const { relay } = relayedPlace(place)!;
    for (const link of [...this.#behind.get(relay) ?? []]) link.ways.leadsNowhere(place, now);
  }

  /** The plaintext of a relayed message of `link`. */
  receive(link: Link, { plaintext, forwarded, isSign }: RelayedMessage, now: Millis): Drop {
    if (isSign === true) return Drop.none;
    const relayed = decodeRelayed(plaintext);
    if (relayed === undefined) return Drop.malformed;
    const { tag, message } = relayed;
    if (!forwarded) return this.#passOn(link, relayed, now);
    const from = relayEndpoint(link.id, tag);
    if (message.length === 0) return this.#noWay(from, now);
    return mayBeRelayed(message) ? this.#owner.arrived(message, from, now) : Drop.malformed;
  }

  /** What this node has passed on for a peer. */
  count(peer: PeerId): RelayedCount {
    return this.#links.get(peer)?.relay.allowance?.passed ?? { packets: 0, bytes: 0 };
  }

  #noWay(place: Endpoint, now: Millis): Drop {
    if (!this.#noWayCalls.take(now)) return Drop.rateLimited;
    this.#owner.leadsNowhere(place, now);
    return Drop.none;
  }

  /** A peer with a session, at an address: neither behind a relay itself nor only known. */
  #neighbour(id: PeerId): Link | undefined {
    const link = this.#links.get(id);
    return link?.isUp === true && !link.ways.isRelayed ? link : undefined;
  }

  #send(message: Uint8Array, { relay, tag }: RelayedPlace, now: Millis): void {
    const neighbour = this.#neighbour(relay);
    const isSent = neighbour?.relay.offer !== undefined && mayBeRelayed(message) &&
      neighbour.relay.send({ tag, message }, 0, now);
    if (!isSent) this.#local.drops?.count(Drop.noSession);
  }

  #passOn(source: Link, relayed: Relayed, now: Millis): Drop {
    if (!mayBeRelayed(relayed.message)) return Drop.malformed;
    const drop = this.#judge(source, relayed, now);
    const isKnown = drop === Drop.none || drop === Drop.rateLimited;
    if (!isKnown && this.#noWayAnswers.allow(source.id, now)) {
      source.relay.send({ tag: relayed.tag, message: nothing }, forwardedFlag, now);
    }
    return drop;
  }

  #judge(source: Link, { tag, message }: Relayed, now: Millis): Drop {
    const { policy, rates } = this.#local.relaying;
    if (policy === "never") return Drop.denied;
    source.relay.allowance ??= new RelayAllowance(rates, now);
    if (!source.relay.allowance.take(message.length, now)) return Drop.rateLimited;
    const destination = this.#links.byTag(tag);
    if (destination === source) return Drop.loop;
    if (destination === undefined || source.relay.tag === undefined) return Drop.noSession;
    if (this.#neighbour(destination.id)?.relay.takes !== true) return Drop.noSession;
    if (this.#local.outbox.full) return Drop.queueFull;
    if (!destination.relay.send({ tag: source.relay.tag, message }, forwardedFlag, now)) {
      return Drop.noSession;
    }
    source.relay.allowance.passedOn(message.length);
    return Drop.none;
  }
}
