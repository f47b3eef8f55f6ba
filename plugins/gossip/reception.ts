/** Who handles which section of a message. All that has been learnt of the sender by the mere fact that it speaks is here. */
import { Allowance } from "./allowance.ts";
import type { Beats } from "./beats.ts";
import type { Checks } from "./checks.ts";
import type { Commons } from "./commons.ts";
import type { Directory } from "./directory.ts";
import { Errands } from "./errands.ts";
import type { Links } from "./links.ts";
import { incarnationOf } from "./member_table.ts";
import { limits } from "./options.ts";
import type { Reconciler } from "./reconciler.ts";
import type { Spread } from "./spread.ts";
import type { States } from "./states.ts";
import { slots } from "./view.ts";
import { aliveLength, endedLength, Kind, MessageReader } from "./wire.ts";

export interface Parts {
  readonly states: States;
  readonly spread: Spread;
  readonly checks: Checks;
  readonly reconciler: Reconciler;
  readonly beats: Beats;
  readonly links: Links;
}

/** One for all machines: a message is read from its start to its end within one call. */
const reader = new MessageReader();

export class Reception {
  readonly #commons: Commons;
  readonly #directory: Directory;
  readonly #parts: Parts;
  readonly #errands: Errands;

  constructor(commons: Commons, directory: Directory, parts: Parts) {
    this.#commons = commons;
    this.#directory = directory;
    this.#parts = parts;
    this.#errands = new Errands(commons, new Allowance(limits.errandsByAsker));
  }

  /** `from` is a member; the message may be anything. */
  handle(from: number, message: Uint8Array, now: number): void {
    const { counters, evidence, table, view } = this.#commons;
    const state = reader.open(message);
    if (state === "malformed") return void counters.malformed++;
    if (state === "unknown version") counters.unknownVersion++;
    evidence.note(from, now);
    this.#parts.checks.heard(from, now);
    this.#errands.heard(from);
    const neighbour = view.of(from);
    if (neighbour !== undefined) neighbour.rescues = 0;
    if (state === "unknown version") return;
    while (reader.next()) this.#section(from, message, now);
    if (table.isGone(from)) this.#parts.states.notice(from, now);
    else if (table.isPresumed(from)) table.confirm(from);
  }

  #section(from: number, message: Uint8Array, now: number): void {
    if (reader.kind <= Kind.ended) return this.#news(from, message, now);
    if (reader.kind <= Kind.veto) return this.#inquiry(from, now);
    if (reader.kind <= Kind.disconnect) return this.#agreement(from, now);
    this.#knowledge(from, now);
  }

  #news(from: number, message: Uint8Array, now: number): void {
    const { spread } = this.#parts;
    switch (reader.kind) {
      case Kind.beat:
        return this.#beat(from, now);
      case Kind.have:
        return spread.have(from, reader, now);
      case Kind.want:
        return spread.want(from, reader, now);
      case Kind.graft:
        return spread.graft(from);
      case Kind.prune:
        return spread.prune(from);
      case Kind.record:
      case Kind.repair:
      case Kind.again:
        return spread.record(from, reader.body(), message, reader.kind, now);
      case Kind.alive:
        return this.#alive(from, now);
      case Kind.ended:
        return this.#ended(from, now);
      default:
        this.#commons.counters.unknownKind++;
    }
  }

  #inquiry(from: number, now: number): void {
    const { states } = this.#parts;
    switch (reader.kind) {
      case Kind.ping:
        return this.#errands.answer(from, reader.u16(0), states.incarnation);
      case Kind.pong:
        return states.alive(from, from, reader.u32(2), now);
      case Kind.pingFor:
        return this.#errands.take(from, this.#peer(0), now, states.incarnation);
      case Kind.reached:
        return this.#rescue(this.#peer(0), 0, now);
      case Kind.suspect:
        return this.#suspicion(from, now);
      case Kind.veto:
        return this.#rescue(this.#peer(0), reader.u16(8), now);
    }
  }

  #agreement(from: number, now: number): void {
    const { links } = this.#parts;
    switch (reader.kind) {
      case Kind.ask:
        return links.asked(from, reader.u8(0), now);
      case Kind.accept:
        return links.accepted(from, now);
      case Kind.refuse:
        return links.refused(from, now);
      case Kind.disconnect:
        return links.disconnected(from, now);
    }
  }

  #knowledge(from: number, now: number): void {
    const { reconciler, beats } = this.#parts;
    const neighbour = this.#commons.view.of(from);
    switch (reader.kind) {
      case Kind.view:
        if (neighbour !== undefined) neighbour.theirView = this.#peers();
        return;
      case Kind.patience:
        if (neighbour !== undefined) beats.patience(neighbour, reader);
        return;
      case Kind.digest:
        return reconciler.compare(from, reader, now);
      case Kind.summary:
        return reconciler.summary(from, reader, now);
      case Kind.entries:
        return reconciler.entries(from, reader, now);
      case Kind.state:
        return reconciler.compareState(from, reader, now);
      default:
        this.#commons.counters.unknownKind++;
    }
  }

  #beat(from: number, now: number): void {
    const { links, beats } = this.#parts;
    if (this.#commons.table.isGone(from)) return;
    const neighbour = this.#commons.view.of(from) ?? links.strangerBeats(from, now);
    if (neighbour !== undefined) beats.handle(neighbour, reader, now);
  }

  #alive(from: number, now: number): void {
    const isLink = this.#commons.view.of(from) !== undefined;
    for (let at = 0; at < reader.length; at += aliveLength) {
      const peer = this.#peer(at);
      if (isLink || peer === from || peer === this.#commons.self) {
        this.#parts.states.alive(from, peer, reader.u32(at + 8), now);
      } else this.#commons.counters.unfounded++;
    }
  }

  #ended(from: number, now: number): void {
    for (let at = 0; at < reader.length; at += endedLength) {
      const stamp = reader.u32(at + 8);
      const accusation = { by: this.#peer(at + 12), age: reader.u16(at + 20) };
      this.#parts.states.ended({ from, peer: this.#peer(at), stamp, ...accusation }, now);
    }
  }

  /** Somebody else has heard a member that this node is checking. */
  #rescue(peer: number, age: number, now: number): void {
    if (peer < 0 || !this.#parts.checks.vetoed(peer, age, now)) return;
    const neighbour = this.#commons.view.of(peer);
    if (neighbour !== undefined) this.#parts.links.rescued(neighbour, now);
  }

  #suspicion(from: number, now: number): void {
    const { self, table, evidence, counters, outbox } = this.#commons;
    const { states, checks } = this.#parts;
    const peer = this.#peer(0);
    if (peer === self) return states.answer(from);
    if (peer < 0 || !table.isMember(peer)) return void counters.unknownMember++;
    if (peer === from || table.isGone(peer)) return;
    if (reader.u32(8) < incarnationOf(table.stamp(peer))) {
      outbox.section(from, Kind.alive, aliveLength).tag(peer).u32(incarnationOf(table.stamp(peer)));
    }
    if (evidence.at(peer) >= now - reader.u16(12)) return checks.object(from, peer, now);
    checks.accused(peer, from, now);
  }

  #peer(offset: number): number {
    return this.#directory.peerOf(reader.u32(offset), reader.u32(offset + 4));
  }

  #peers(): readonly number[] {
    const peers: number[] = [];
    for (let at = 0; at < reader.length && peers.length < slots; at += 8) {
      const peer = this.#peer(at);
      if (peer >= 0) peers.push(peer);
    }
    return peers;
  }
}
