/**
 * What goes through relays: messages of this node to a place behind one, messages that come from such a place, and, if this
 * node is willing, messages of others that it passes on.
 *
 * A relay opens what its neighbour has sealed for it and seals it anew for the next one. The message inside is between the two
 * ends: it is not looked at but for its type. Whose it is tells the session in which it came, so no neighbour can send in
 * another one's name.
 *
 * A relay may itself be behind a relay: the message to it is then relayed, too, one layer around the other, each sealed
 * for whoever opens it.
 *
 *     A ── 18 [C | 18 [D | message]] ──> B ── 18, passed on [A | 18 [D | message]] ──> C ── 18, passed on [A | message] ──> D
 *
 * Three relays may stand in a row, as seen from this node; a way in a circle is none. Both are looked at for each message, as
 * ways change while others are in use. What a member nests deeper than that by itself passes from one relay to the next
 * all the same, since nobody can look into it, and is charged to that member at each; but no relay passes on to the one
 * that has just brought it.
 *
 * What cannot be passed on is answered with an empty message, no more often than others are told of unknown indices: the
 * sender tries another relay at once, instead of finding out by silence. So are those whose messages this node passes on
 * when it loses a peer.
 */
import { Drop } from "../../core/contracts/drop.ts";
import type { Relayed as RelayedCount } from "../../core/contracts/encapsulation.ts";
import type { Endpoint, Millis, PeerId } from "../../core/contracts/values.ts";
import { mostRelays, type RelayedPlace, relayedPlace } from "../../core/wire/relay_endpoint.ts";
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

/** Whose message is to be passed on, and from where this one came, which may be behind a relay although the peer is not. */
interface Source {
  readonly link: Link;
  readonly from: Endpoint;
}

const nothing = new Uint8Array(0);
/** In place of a number of relays: some session on the way is down, or the way is a circle or too long. */
const [down, circle] = [-1, -2];

export class Relays {
  readonly #local: Local;
  readonly #links: Links;
  readonly #owner: RelaysOwner;
  readonly #noWayAnswers: RateLimiter;
  /** By relay: one that says so all the time must not make this node deaf to the others. */
  readonly #noWayCalls: RateLimiter;
  /** Links that are up, by the relay that they are behind. */
  readonly #behind = new Map<PeerId, Set<Link>>();
  /** Layers of the message in hand that have been opened here. */
  #opened = 0;

  constructor(local: Local, links: Links, owner: RelaysOwner) {
    this.#local = local;
    this.#links = links;
    this.#owner = owner;
    this.#noWayAnswers = new RateLimiter(limits.noWayAnswers, local.random);
    this.#noWayCalls = new RateLimiter(limits.noWayCalls, local.random);
    local.outbox.toRelay = (message, place, now) => this.#send(message, place, now);
  }

  /** Whether messages to `peer` can leave through `relay` now. */
  isOpen(relay: PeerId, peer?: PeerId): boolean {
    const relays = this.#walk(relay, peer);
    return relays >= 0 && relays < mostRelays && this.#links.get(relay)!.relay.offer !== undefined;
  }

  /** How many relays there are on the way to `peer`; as many as there may be if there is no way at present. */
  relaysTo(peer: PeerId): number {
    const relays = this.#walk(peer);
    return relays < 0 ? mostRelays : relays;
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

  /**
   * `link` has another session. Of those behind it the worker may share sessions only while it shares this one: by the next
   * message of theirs it would be too late, as nobody but the worker opens that.
   */
  confirmed(link: Link, now: Millis): void {
    const isShared = link.current?.isShared === true;
    const isOther = link.relay.isShared !== isShared;
    link.relay.isShared = isShared;
    if (isOther) this.rerouted(link.id, now);
  }

  /** There is another way to `relay` than before, or none: so it is for all that is behind it, at whatever remove. */
  rerouted(relay: PeerId, now: Millis): void {
    this.#reroute(relay, now, new Set());
  }

  /** `peer` is down: those whose messages may be under way to it are told. */
  lost(peer: Link, now: Millis): void {
    const { tag } = peer.relay;
    if (tag === undefined || this.#local.relaying.policy === "never") return;
    for (const link of this.#links.all()) {
      if (link === peer || !link.isUp || !link.relay.takes || !link.hasUsedRelay) continue;
      if (!this.#noWayAnswers.allow(link.id, now)) continue;
      link.relay.send({ tag, message: nothing }, forwardedFlag, now);
    }
  }

  /** A relay has said that it does not lead there. */
  leadsNowhere(place: Endpoint, now: Millis): void {
    const { relay } = relayedPlace(place)!;
    for (const link of [...this.#behind.get(relay) ?? []]) link.ways.leadsNowhere(place, now);
  }

  /** The plaintext of a relayed message of `link`. */
  receive(link: Link, message: RelayedMessage, now: Millis): Drop {
    const { plaintext, forwarded, isSign } = message;
    if (isSign === true) return Drop.none;
    const relayed = decodeRelayed(plaintext);
    if (relayed === undefined) return Drop.malformed;
    if (!forwarded) return this.#passOn({ link, from: message.from }, relayed, now);
    const from = link.relay.placeOf(relayed.tag);
    if (relayed.message.length === 0) return this.#noWay(link.id, from, now);
    return mayBeRelayed(relayed.message) ? this.#open(relayed.message, from, now) : Drop.malformed;
  }

  /** What this node has passed on for a peer. */
  count(peer: PeerId): RelayedCount {
    return this.#links.get(peer)?.relay.allowance?.passed ?? { packets: 0, bytes: 0 };
  }

  #noWay(relay: PeerId, place: Endpoint, now: Millis): Drop {
    if (!this.#noWayCalls.allow(relay, now)) return Drop.rateLimited;
    this.#owner.leadsNowhere(place, now);
    return Drop.none;
  }

  /** Deeper than any way may be only somebody nests who means harm. */
  #open(message: Uint8Array, from: Endpoint, now: Millis): Drop {
    if (this.#opened >= mostRelays) return Drop.loop;
    this.#opened += 1;
    try {
      return this.#owner.arrived(message, from, now);
    } finally {
      this.#opened -= 1;
    }
  }

  /** How many relays there are on the way to `peer`, which must not lead by way of `avoided`; negative if there is none. */
  #walk(peer: PeerId, avoided?: PeerId): number {
    let at: PeerId | undefined = peer;
    for (let relays = 0; relays <= mostRelays; relays++) {
      if (at === avoided) return circle;
      const link = this.#links.get(at);
      if (link?.isUp !== true) return down;
      at = link.ways.relay;
      if (at === undefined) return relays;
    }
    return circle;
  }

  #reroute(relay: PeerId, now: Millis, seen: Set<PeerId>): void {
    if (seen.has(relay)) return;
    seen.add(relay);
    for (const link of [...this.#behind.get(relay) ?? []]) {
      if (this.#walk(link.id) >= 0) link.rerouted(now);
      else if (link.endpoint !== undefined) link.ways.leadsNowhere(link.endpoint, now);
      this.#reroute(link.id, now, seen);
    }
  }

  #send(message: Uint8Array, { relay, tag }: RelayedPlace, now: Millis): void {
    const drop = this.#judgeWay(relay, tag);
    if (drop !== Drop.none) return this.#local.drops?.count(drop);
    const isSent = mayBeRelayed(message) &&
      this.#links.get(relay)!.relay.send({ tag, message }, 0, now);
    if (!isSent) this.#local.drops?.count(Drop.noSession);
  }

  /** Whether there is a way to `relay`, and one that does not lead through the very peer behind it. */
  #judgeWay(relay: PeerId, tag: Uint8Array): Drop {
    const link = this.#links.get(relay);
    if (link?.relay.offer === undefined) return Drop.noSession;
    const relays = link.ways.relay === undefined ? 0 : this.#walk(relay, this.#links.byTag(tag)?.id);
    if (relays === circle || relays >= mostRelays) return Drop.loop;
    return relays === down ? Drop.noSession : Drop.none;
  }

  #passOn(source: Source, relayed: Relayed, now: Millis): Drop {
    if (!mayBeRelayed(relayed.message)) return Drop.malformed;
    const drop = this.#judge(source, relayed, now);
    const isKnown = drop === Drop.none || drop === Drop.rateLimited;
    const { link } = source;
    if (!isKnown && this.#noWayAnswers.allow(link.id, now)) {
      link.relay.send({ tag: relayed.tag, message: nothing }, forwardedFlag, now);
    }
    return drop;
  }

  #judge(source: Source, { tag, message }: Relayed, now: Millis): Drop {
    const { policy, rates } = this.#local.relaying;
    if (policy === "never") return Drop.denied;
    const { relay } = source.link;
    relay.allowance ??= new RelayAllowance(rates, now);
    if (!relay.allowance.take(message.length, now)) return Drop.rateLimited;
    const destination = this.#links.byTag(tag);
    if (destination === undefined || relay.tag === undefined) return Drop.noSession;
    const drop = this.#isBack(source, destination) ? Drop.loop : this.#judgeLegs(source.link, destination);
    if (drop !== Drop.none) return drop;
    if (this.#local.outbox.full) return Drop.queueFull;
    if (!destination.relay.send({ tag: relay.tag, message }, forwardedFlag, now)) return Drop.noSession;
    relay.allowance.passedOn(message.length);
    return Drop.none;
  }

  /**
   * Whether it goes back to a relay that has brought it here. No honest way does: who nests a message thirty times deep
   * between two relays would have it sent as often as that, and only one of them sees each layer.
   */
  #isBack({ from }: Source, destination: Link): boolean {
    const relay = relayedPlace(from)?.relay;
    return relay !== undefined && this.#walk(relay, destination.id) === circle;
  }

  /** Whoever is on the way to the other one needs this node for nothing: the message would go back where it came from. */
  #judgeLegs(source: Link, destination: Link): Drop {
    if (source === destination || this.#walk(source.id, destination.id) === circle) return Drop.loop;
    const relays = this.#walk(destination.id, source.id);
    if (relays === circle) return Drop.loop;
    return relays === down || !destination.relay.takes ? Drop.noSession : Drop.none;
  }
}
