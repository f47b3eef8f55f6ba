/**
 * Ways round: a member that does not answer at its addresses is sought behind relays, two of them at a time, so that there
 * is another when one goes. Behind a relay that has no session with this node itself that session is made first, over a
 * relay again if need be; each comes nearer, as all of them are in the order of one path.
 *
 * The encapsulation does the rest: it tries addresses and places behind relays in turn, moves to an address as soon as one
 * answers, and from a relay that is gone to the other one.
 */
import type { Encapsulation } from "../contracts/encapsulation.ts";
import type { Endpoint, Millis, PeerId, PeerRecord } from "../contracts/values.ts";
import { sameEndpoint } from "../wire/endpoint.ts";
import { isRelayEndpoint, mostRelays, relayedPlace, relayEndpointTo } from "../wire/relay_endpoint.ts";
import type { NodeContext } from "./node_context.ts";
import { probesWays } from "./traversal.ts";

export interface DetourParts {
  readonly context: Pick<NodeContext, "connections" | "members">;
  /** The relays that lead to a member, best first. */
  relaysTo(peer: PeerId): readonly PeerId[];
  /** Sets out for a relay without a session. */
  want(relay: PeerId): void;
  /** Whether there is room to call this member, or it is called already, or has a session. */
  mayCall(peer: PeerId): boolean;
  /** One call on the machine, and all that follows from it. */
  call(step: (machine: Encapsulation, now: Millis) => void): void;
}

/** Source of an attempt behind a relay. */
export const detour = "relay";
const triedAtOnce = 2;

interface Search {
  /** Best first. */
  readonly places: readonly Endpoint[];
  /** The best relay, while there is no session with it. */
  readonly awaited: PeerId | undefined;
}

export class Detours {
  readonly #parts: DetourParts;
  readonly #searches = new Map<PeerId, Search>();
  /** Relays that are being set out for now, each for the sake of the one before. */
  #depth = 0;

  constructor(parts: DetourParts) {
    this.#parts = parts;
    parts.context.members.watch((_, removed) => removed.forEach((peer) => this.forget(peer)));
  }

  /** Seeks a member behind relays from now on; false when none leads to it. */
  seek(peer: PeerRecord): boolean {
    // Before others are set out for: one whose relay is sought through itself is found here, and not sought again.
    const before = this.#searches.get(peer.id);
    if (before === undefined) this.#searches.set(peer.id, { places: [], awaited: undefined });
    const search = this.#searchFor(peer.id);
    for (const place of before?.places ?? []) {
      if (!has(search.places, place)) this.#leave(peer.id, place);
    }
    for (const place of search.places) if (!has(before?.places ?? [], place)) this.#try(peer, place);
    const leads = search.places.length > 0 || search.awaited !== undefined;
    if (leads) this.#searches.set(peer.id, search);
    else this.#searches.delete(peer.id);
    if (search.awaited !== undefined && search.awaited !== before?.awaited) this.#want(search.awaited);
    return leads;
  }

  /** There is a session: the places stay for the time when it is gone, and nobody is waited for. */
  sessionUp(peer: PeerId): void {
    for (const [sought, { awaited }] of [...this.#searches]) if (awaited === peer) this.#again(sought);
  }

  /** Whether all that there is to do for it is to wait for a relay. */
  isAwaiting(peer: PeerId): boolean {
    const search = this.#searches.get(peer);
    return search?.awaited !== undefined && search.places.length === 0;
  }

  /** Other ways lead there than before, maybe; false when nobody seeks it. */
  rerouted(peer: PeerId): boolean {
    this.#improve(peer);
    const isSought = this.#searches.has(peer);
    if (isSought) this.#again(peer);
    return isSought;
  }

  /** Whether it is sought behind a relay that has not failed so far. Relays that are gone since are sought anew. */
  isLedTo(peer: PeerId): boolean {
    this.#renew(peer);
    const search = this.#searches.get(peer);
    if (search === undefined) return false;
    const failed = [...this.#parts.context.connections.attempts()].filter(({ state }) =>
      state === "retrying"
    );
    return search.awaited !== undefined ||
      search.places.some((place) => !failed.some(({ endpoint }) => sameEndpoint(endpoint, place)));
  }

  /** Nobody seeks it any more. */
  forget(peer: PeerId): void {
    this.#searches.delete(peer);
  }

  /** A relay may have had its session ended, as nothing crossed it, or may have been called in vain and given up. */
  #renew(peer: PeerId): void {
    const search = this.#searches.get(peer);
    if (search === undefined) return;
    const { connections } = this.#parts.context;
    const { places, awaited } = search;
    if (awaited !== undefined) {
      // Only one that nobody calls: two that wait for each other would else ask each other in a circle.
      const isCalled = [...connections.attempts()].some((attempt) => attempt.peer === awaited);
      if (!isCalled) this.#want(awaited);
    } else if (!places.some((place) => isOpen(connections, place))) this.#again(peer);
  }

  #again(sought: PeerId): void {
    const peer = this.#parts.context.members.get(sought);
    // Any number of members may name one relay: without room they are found again when there is some.
    if (peer === undefined || !this.#parts.mayCall(sought)) this.forget(sought);
    else this.seek(peer);
  }

  #want(relay: PeerId): void {
    this.#depth++;
    try {
      this.#parts.want(relay);
    } finally {
      this.#depth--;
    }
  }

  /** Members may name each other as relays in a row of any length: no relay is awaited that would be one too many. */
  #searchFor(peer: PeerId): Search {
    const { connections } = this.#parts.context;
    const relays = this.#parts.relaysTo(peer);
    const open = relays.filter((relay) => connections.connection(relay) !== undefined);
    const [best] = relays;
    const isMissing = best !== undefined && connections.connection(best) === undefined;
    const isAwaited = this.#searches.get(peer)?.awaited === best;
    return {
      places: open.slice(0, triedAtOnce).flatMap((relay) => relayEndpointTo(relay, peer) ?? []),
      awaited: isMissing && (this.#depth < mostRelays || isAwaited) ? best : undefined,
    };
  }

  /**
   * A session that goes through another relay than the best one moves there. The first one was taken in haste, when less was
   * known; and round trips are told too seldom for sessions to go back and forth.
   */
  #improve(peer: PeerId): void {
    const current = this.#parts.context.connections.connection(peer)?.endpoint;
    if (current === undefined || !isRelayEndpoint(current)) return;
    const [best] = this.#searchFor(peer).places;
    if (best === undefined || sameEndpoint(current, best)) return;
    this.#parts.call((machine, now) => {
      if (probesWays(machine)) machine.probe(peer, best, now);
    });
  }

  #try(peer: PeerRecord, endpoint: Endpoint): void {
    this.#parts.context.connections.attempt(endpoint, detour, peer.id);
    this.#parts.call((machine, now) => machine.connect({ endpoint, peer }, now));
  }

  /** But for the one that a session goes through: that one leads there for as long as it lasts. */
  #leave(peer: PeerId, place: Endpoint): void {
    const { connections } = this.#parts.context;
    const current = connections.connection(peer)?.endpoint;
    if (current !== undefined && sameEndpoint(current, place)) return;
    connections.forget(place);
    this.#parts.call((machine, now) => machine.forget(place, now));
  }
}

function isOpen(connections: NodeContext["connections"], place: Endpoint): boolean {
  const relay = relayedPlace(place)?.relay;
  return relay !== undefined && connections.connection(relay) !== undefined;
}

function has(places: readonly Endpoint[], place: Endpoint): boolean {
  return places.some((each) => sameEndpoint(each, place));
}
