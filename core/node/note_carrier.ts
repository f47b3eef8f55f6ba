/**
 * Notes of plugins: it knows which member a tag means and where a member is, the encapsulation does the rest.
 *
 * A member is where its newest note came from, if that was lately; else where its session is; else where it says it is.
 * A note proves who wrote it, not that it is new: after a start of this node recorded ones pass until a newer one has
 * come, from wherever they are shown. So in the first half minute at a place that neither a session nor the member itself
 * names, notes go the other way as well: what answers there is newer than all that was recorded.
 *
 * A member that writes from behind a relay is answered there, and a session at an address is worth more than that: two that
 * answered each other where they last heard each other would stay behind the relay for ever. For the same reason a member without
 * a session is written to at other places as well, each half minute, while it is behind one.
 *
 * Where nothing else is known two of its endpoints are written to at a time, the next two with the next note, since nothing tells which
 * of them works before an answer comes: then that one is known; places behind relays that lead there are among them. To write to all of them would be eight datagrams for each
 * note to somebody who is gone.
 */
import { Drop } from "../contracts/drop.ts";
import type { EncapsulationOutput, Notes } from "../contracts/encapsulation.ts";
import type { Clock, DropCounters, Logger, NoteChannel } from "../contracts/host.ts";
import type { Endpoint, Millis, PeerId, PeerRecord } from "../contracts/values.ts";
import { tagFromBytes } from "../topology/link_tag.ts";
import { mergeEndpoints, sameEndpoint } from "../wire/endpoint.ts";
import { isRelayEndpoint, relayEndpointTo } from "../wire/relay_endpoint.ts";
import type { ConnectionTable } from "./connection_table.ts";
import type { MemberNews } from "./member_news.ts";
import type { MemberTags } from "./member_tags.ts";

export interface NoteCarrierParts {
  readonly clock: Pick<Clock, "now">;
  readonly members: Pick<MemberNews, "get" | "watch">;
  readonly tags: Pick<MemberTags, "memberOf">;
  readonly connections: Pick<ConnectionTable, "connection">;
  readonly drops: DropCounters;
  readonly log: Logger;
}

interface Place {
  endpoint: Endpoint;
  at: Millis;
  /** Notes have come from there all the time since. */
  since: Millis;
  /** Other places were written to last. */
  soughtAt: Millis;
}

type Handler = Parameters<NoteChannel["receive"]>[0];
/** One call on the machine, and all that follows from it. */
type CallAt = (step: (now: Millis) => void) => void;

/** About as long as the mappings of most NATs last. */
const lately: Millis = 30_000;
const triedAtOnce = 2;

export class NoteCarrier implements NoteChannel {
  readonly #parts: NoteCarrierParts;
  /** Where notes of members came from last. */
  readonly #places = new Map<PeerId, Place>();
  /** Members that are sought: how many of their endpoints were written to. */
  readonly #tried = new Map<PeerId, number>();
  #carry: (to: PeerRecord, endpoint: Endpoint, body: Uint8Array) => Drop = () => Drop.noSession;
  #forgetMember: (peer: PeerId) => void = () => {};
  #relaysTo: (peer: PeerId) => readonly PeerId[] = () => [];
  #handler: Handler | undefined;

  constructor(parts: NoteCarrierParts) {
    this.#parts = parts;
    parts.members.watch((joined, removed) => {
      // Whoever says where it is has moved, as a rule.
      for (const peer of [...joined.map(({ id }) => id), ...removed]) this.#forget(peer);
      for (const peer of removed) this.#forgetMember(peer);
    });
  }

  /** Until this call nothing is sent. */
  carryOver(machine: Notes, call: CallAt): void {
    machine.takeNotes((tag) => this.#senderOf(tag));
    this.#forgetMember = (peer) => call(() => machine.forgetMember(peer));
    this.#carry = (to, endpoint, body) => {
      let drop: Drop = Drop.noSession;
      call((now) => {
        drop = machine.sendNote(to, endpoint, body, now);
      });
      return drop;
    };
  }

  /** From now on members without a session are also sought behind the relays that `relaysTo` names, best first. */
  seekBehind(relaysTo: (peer: PeerId) => readonly PeerId[]): void {
    this.#relaysTo = relaysTo;
  }

  send(peer: PeerId, body: Uint8Array): boolean {
    const record = this.#parts.members.get(peer);
    if (record === undefined) return false;
    const place = this.#places.get(peer);
    const isSent = this.#sendTo(record, body);
    const isLost = place !== undefined && !this.#places.has(peer);
    return isSent || (isLost && this.#sendTo(record, body));
  }

  #sendTo(record: PeerRecord, body: Uint8Array): boolean {
    let isSent = false;
    const endpoints = this.#endpointsOf(record);
    if (endpoints.length === 0) this.#parts.drops.count(Drop.noSession);
    for (const endpoint of endpoints) {
      const drop = this.#carry(record, endpoint, body);
      this.#parts.drops.count(drop);
      isSent ||= drop === Drop.none;
      if (drop === Drop.noSession && isRelayEndpoint(endpoint)) this.#leave(record.id, endpoint);
    }
    return isSent;
  }

  /** There is no way any more to the relay that leads there. */
  #leave(peer: PeerId, endpoint: Endpoint): void {
    const place = this.#places.get(peer);
    if (place !== undefined && sameEndpoint(place.endpoint, endpoint)) this.#places.delete(peer);
  }

  receive(handler: Handler): void {
    if (this.#handler !== undefined) throw new RangeError("notes of this node are received already");
    this.#handler = handler;
  }

  arrived({ from, endpoint, body }: Extract<EncapsulationOutput, { type: "note" }>): void {
    const { clock, drops, log } = this.#parts;
    const at = clock.now();
    const place = this.#places.get(from);
    const stays = place !== undefined && at - place.at <= lately && sameEndpoint(place.endpoint, endpoint);
    const { since, soughtAt } = stays ? place : { since: at, soughtAt: at };
    this.#places.set(from, { endpoint, at, since, soughtAt });
    this.#tried.delete(from);
    if (this.#handler === undefined) return drops.count(Drop.unsupported);
    try {
      this.#handler(from, body);
    } catch (error) {
      log.log("error", "The handler of notes failed", { peer: from, error });
    }
  }

  #senderOf(tag: Uint8Array): PeerRecord | undefined {
    const peer = this.#parts.tags.memberOf(tagFromBytes(tag));
    return peer && this.#parts.members.get(peer);
  }

  #endpointsOf(record: PeerRecord): readonly Endpoint[] {
    const now = this.#parts.clock.now();
    const place = this.#places.get(record.id);
    if (place === undefined || now - place.at > lately) return this.#otherwise(record, place?.endpoint);
    const session = this.#parts.connections.connection(record.id)?.endpoint;
    const isRelayed = isRelayEndpoint(place.endpoint);
    if (isRelayed && session !== undefined && !isRelayEndpoint(session)) return [session];
    const named = session === undefined ? record.endpoints : [...record.endpoints, session];
    const isSettled = now - place.since > lately || named.some((each) => sameEndpoint(each, place.endpoint));
    const isSought = isRelayed && session === undefined && now - place.soughtAt > lately;
    if (isSettled && !isSought) return [place.endpoint];
    place.soughtAt = now;
    return [place.endpoint, ...this.#otherwise(record)];
  }

  /** Where its session is, else two of the places that it names, of `last` and of those behind relays, each time others. */
  #otherwise({ id, endpoints }: PeerRecord, last?: Endpoint): readonly Endpoint[] {
    const { connections } = this.#parts;
    const session = connections.connection(id)?.endpoint;
    if (session !== undefined) return [session];
    // One that this node has no session with takes nothing, and must not take the place of one that does.
    const open = this.#relaysTo(id).filter((relay) => connections.connection(relay) !== undefined);
    const behind = open.slice(0, triedAtOnce).flatMap((relay) => relayEndpointTo(relay, id) ?? []);
    const [first = [], ...others] = endpoints.map((endpoint) => [endpoint]);
    const candidates = mergeEndpoints(last === undefined ? [] : [last], [
      ...first,
      ...behind,
      ...others.flat(),
    ]);
    if (candidates.length <= triedAtOnce) return candidates;
    const tried = this.#tried.get(id) ?? 0;
    this.#tried.set(id, (tried + triedAtOnce) % candidates.length);
    return Array.from({ length: triedAtOnce }, (_, i) => candidates[(tried + i) % candidates.length]!);
  }

  #forget(peer: PeerId): void {
    this.#places.delete(peer);
    this.#tried.delete(peer);
  }
}

export function carriesNotes(encapsulation: object): encapsulation is Notes {
  return "sendNote" in encapsulation && "takeNotes" in encapsulation;
}
