/**
 * Spreads rumours. Records go along a tree of links that finds itself (Plumtree: Leitão, Pereira, Rodrigues, 2007): all
 * links begin eager, a copy of what was here already makes a link lazy, at both ends.
 *
 * Plumtree announces ids on lazy links with messages of their own. Here ids travel with the beats, which go anyway, and
 * since each beat lists what its sender has got since the last one, it also shows what it has not: who sees that, sends it
 * at once. So one that lacks a record gets it when any neighbour beats, or when it beats itself to any of them.
 *
 * That is too slow where a link of the tree loses a record, so whoever gets one along it beats early to where it came
 * from: the acknowledgement takes the place of a beat. Who sees none sends the record again.
 *
 * Deaths go over all links: they are few and short, and the tree has a hole where the dead one was.
 */
import { Allowance } from "./allowance.ts";
import type { Commons } from "./commons.ts";
import { never } from "./commons.ts";
import { Rank, rankOf } from "./member_table.ts";
import { limits } from "./options.ts";
import { recordId, type Rumour, Rumours, stateId, toldMillis } from "./rumours.ts";
import type { Statement } from "./states.ts";
import type { Neighbour } from "./view.ts";
import type { Directory } from "./directory.ts";
import {
  aliveLength,
  BeatFlag,
  endedLength,
  idLength,
  Kind,
  type MessageReader,
  mostAge,
  version,
} from "./wire.ts";
import { incarnationOf } from "./member_table.ts";

/** A copy that comes later than this was sent by one who got it late, not by a link that closes a circle. */
const circleMillis = 400;
/** A record that others have already may take so long to come by itself. */
const patienceMillis = 300;
/** Whoever is asked for a rumour answers within this, or the next one is asked. */
const wantMillis = 500;
const wantSources = 4;
/** So many records in a row that did not come along the tree: it is mended. */
const missesToGraft = 2;

const resends = 3;
const mendPause = 2_000;

/** A record on its way along the tree. */
interface Pushed {
  readonly rumour: Rumour;
  /** By slot: who has not acknowledged it. */
  open: number;
  at: number;
  tries: number;
}

interface Wanted {
  readonly sources: number[];
  at: number;
  tries: number;
}

export class Spread {
  readonly #commons: Commons;
  readonly #directory: Directory;
  readonly #rumours = new Rumours();
  readonly #wanted = new Map<number, Wanted>();
  readonly #senders = new Allowance(limits.recordsBySender);
  readonly #lookedAt = new Allowance(limits.looksBySender);
  /** Records that have come and are being judged. */
  readonly #doubted = new Map<number, Rumour>();
  /** Records that were not sound when they came first. What makes them so may have been lost, and sent again. */
  readonly #refused = new Set<number>();
  #pushed: Pushed[] = [];
  #mendedAt = Number.NEGATIVE_INFINITY;

  constructor(commons: Commons, directory: Directory) {
    this.#commons = commons;
    this.#directory = directory;
  }

  /** A record of this node itself. */
  publish(record: Uint8Array, now: number): void {
    const id = recordId(record);
    if (this.#rumours.has(id)) return;
    this.#take(rumourOf(id, recordMessage(record), true, now), now);
  }

  /** A state that is news here; it goes to all but `from`. */
  state({ peer, from, by, age }: Statement, now: number): void {
    const { table, view } = this.#commons;
    const stamp = table.stamp(peer);
    const id = stateId(this.#directory.high(peer), this.#directory.low(peer), stamp);
    if (this.#rumours.has(id)) return;
    const rumour: Rumour = {
      id,
      at: now,
      message: undefined,
      peer,
      by,
      doubtedAt: now - age,
      known: 0,
      listed: 0,
      sent: 0,
      isOnTime: false,
    };
    this.#rumours.add(rumour);
    this.#wanted.delete(id);
    const toAll = rankOf(stamp) !== Rank.alive;
    for (const neighbour of view.neighbours) {
      if (neighbour.peer === from) rumour.known |= 1 << neighbour.slot;
      else if ((toAll || neighbour.isEager) && neighbour.peer !== peer) {
        this.#tellState(neighbour.peer, rumour, now);
      }
    }
  }

  /** A record came. `message` is what it came in, kept and passed on as it is when there is nothing else in it. */
  // deno-lint-ignore selvage/max-parameters -- what came, in what, from whom, how and when
  record(from: number, record: Uint8Array, message: Uint8Array, kind: number, now: number): void {
    const { view, counters, outputs } = this.#commons;
    if (record.length > limits.record) return void counters.oversized++;
    if (!this.#lookedAt.take(from, now)) return void counters.overLimit++;
    const id = recordId(record);
    const neighbour = view.of(from);
    const isTriedAgain = kind !== Kind.record && this.#refused.delete(id);
    if (this.#rumours.has(id) && !isTriedAgain) return this.#repeated(id, neighbour, kind, now);
    if (!this.#senders.take(from, now)) return void counters.overLimit++;
    this.#wanted.delete(id);
    const isAlone = kind === Kind.record && message.length === record.length + (record.length < 128 ? 3 : 4);
    const isOnTime = kind === Kind.record;
    const rumour = rumourOf(id, isAlone ? message : recordMessage(record), isOnTime, now);
    this.#rumours.see(rumour);
    outputs.push({ type: "record", record, from });
    if (neighbour !== undefined) {
      rumour.known |= 1 << neighbour.slot;
      if (kind === Kind.repair) this.#missed(neighbour);
      else this.#cameInTime(neighbour);
      this.#acknowledge(neighbour, now);
    }
    if (this.#commons.isJudged) this.#doubted.set(id, rumour);
    else this.#take(rumour, now);
  }

  /**
   * One that is not sound is remembered by its id alone, so that nobody is asked for it, or told of it. It is judged once
   * more if it is sent again, as it is by a neighbour who sees that it was not taken: news may overtake what it rests on.
   */
  judge(record: Uint8Array, isSound: boolean, now: number): void {
    const id = recordId(record);
    const rumour = this.#doubted.get(id);
    if (rumour === undefined) return;
    this.#doubted.delete(id);
    if (isSound) return this.#take(rumour, now);
    if (!rumour.isOnTime) return;
    if (this.#refused.size >= limits.refused) this.#refused.delete(this.#refused.keys().next().value!);
    this.#refused.add(id);
  }

  /** Ids that `from` has. */
  have(from: number, reader: MessageReader, now: number): void {
    const neighbour = this.#commons.view.of(from);
    if (neighbour === undefined) return;
    for (let at = 0; at < reader.length; at += idLength) {
      const id = reader.id(at);
      const rumour = this.#rumours.get(id);
      if (rumour !== undefined) rumour.known |= 1 << neighbour.slot;
      else if (!this.#rumours.has(id)) this.#want(id, from, now);
    }
  }

  /** Ids that `from` lacks. */
  want(from: number, reader: MessageReader, now: number): void {
    const neighbour = this.#commons.view.of(from);
    if (neighbour === undefined) return;
    for (let at = 0; at < reader.length; at += idLength) {
      const rumour = this.#rumours.get(reader.id(at));
      if (rumour !== undefined) this.#repair(neighbour, rumour, now);
    }
  }

  graft(from: number): void {
    const neighbour = this.#commons.view.of(from);
    if (neighbour !== undefined) neighbour.isEager = true;
  }

  prune(from: number): void {
    const neighbour = this.#commons.view.of(from);
    if (neighbour !== undefined) neighbour.isEager = false;
  }

  /** Writes into a beat which rumours are new here since the last one; true when there were too many. */
  list(neighbour: Neighbour, now: number): boolean {
    const bit = 1 << neighbour.slot;
    const fresh: number[] = [];
    let isCut = false;
    for (const rumour of this.#rumours.values()) {
      const isSettled = (rumour.listed | rumour.sent & rumour.known) & bit;
      if (isSettled !== 0 || now - rumour.at > toldMillis) continue;
      if (fresh.length === limits.listed) {
        isCut = true;
        break;
      }
      rumour.listed |= bit;
      fresh.push(rumour.id);
    }
    if (fresh.length === 0) return isCut;
    const { outbox } = this.#commons;
    outbox.section(neighbour.peer, Kind.have, idLength * fresh.length);
    for (const id of fresh) outbox.id(id);
    return isCut;
  }

  /** A beat of this neighbour has come, after its list. `isWhole`: all that it has got was in lists that came. */
  beaten(neighbour: Neighbour, flags: number, isWhole: boolean, now: number): void {
    if ((flags & BeatFlag.cutList) !== 0) return;
    const bit = 1 << neighbour.slot;
    for (const rumour of this.#rumours.values()) {
      if ((rumour.known & bit) !== 0 || now - rumour.at > toldMillis) continue;
      if (now - rumour.at < this.#commons.options.round) return;
      // What stood in a list that was lost is not known to be missing; this node's own list tells of it.
      if (isWhole) this.#repair(neighbour, rumour, now);
      else rumour.known |= bit;
    }
  }

  joined(neighbour: Neighbour): void {
    this.#rumours.clearSlot(neighbour.slot);
  }

  /** Where a link of the tree was, there is a hole: all links carry records again, until copies show which need not. */
  parted({ isEager }: Neighbour, now: number): void {
    // Who parts and comes back all the time must not undo the tree each time.
    if (!isEager || now - this.#mendedAt < mendPause) return;
    this.#mendedAt = now;
    for (const neighbour of this.#commons.view.neighbours) {
      if (neighbour.isEager) continue;
      neighbour.isEager = true;
      this.#commons.outbox.section(neighbour.peer, Kind.graft);
    }
  }

  timeout(): number {
    let first = never;
    for (const { at } of this.#wanted.values()) if (at < first) first = at;
    for (const { at } of this.#pushed) if (at < first) first = at;
    return first;
  }

  /** Asks the next of those that have what did not come. */
  run(now: number): void {
    if (this.#pushed.length > 0) this.#resend(now);
    for (const [id, wanted] of this.#wanted) {
      if (wanted.at > now) continue;
      const source = wanted.sources[wanted.tries++ % wanted.sources.length];
      if (wanted.tries > 2 * wantSources || source === undefined) {
        this.#wanted.delete(id);
        continue;
      }
      wanted.at = now + wantMillis;
      this.#commons.outbox.section(source, Kind.want, idLength).id(id);
    }
  }

  /** It is sound, as far as it is asked. */
  #take(rumour: Rumour, now: number): void {
    this.#rumours.add(rumour);
    this.#push(rumour, now);
  }

  /**
   * Along the tree. One that came late by another way goes on as a copy that may be one too many: where the tree had lost
   * it, that must not end in the conclusion that there is a circle.
   */
  #push(rumour: Rumour, now: number): void {
    for (const { peer, slot, isEager } of this.#commons.view.neighbours) {
      if (!isEager || (rumour.known >> slot & 1) === 1) continue;
      if (rumour.isOnTime) this.#commons.outbox.whole(peer, rumour.message!);
      else this.#write(peer, Kind.again, rumour.message!);
      rumour.sent |= 1 << slot;
    }
    if (rumour.sent === 0 || this.#pushed.length >= limits.pushed) return;
    this.#pushed.push({ rumour, open: rumour.sent, at: now + this.#commons.options.resend, tries: 0 });
  }

  #acknowledge(neighbour: Neighbour, now: number): void {
    const at = now + this.#commons.options.acknowledge;
    if (neighbour.beatAt <= at) return;
    neighbour.beatAt = at;
    neighbour.isEarly = true;
  }

  #resend(now: number): void {
    for (const pushed of this.#pushed) {
      if (pushed.at > now) continue;
      pushed.open &= ~pushed.rumour.known;
      pushed.at = ++pushed.tries > resends ? 0 : now + this.#commons.options.resend;
      if (pushed.open === 0 || pushed.at === 0) continue;
      for (const neighbour of this.#commons.view.neighbours) {
        const isOpen = (pushed.open >> neighbour.slot & 1) === 1;
        if (isOpen && neighbour.isEager) this.#write(neighbour.peer, Kind.again, pushed.rumour.message!);
      }
    }
    this.#pushed = this.#pushed.filter(({ open, at }) => open !== 0 && at !== 0);
  }

  #repeated(id: number, neighbour: Neighbour | undefined, kind: number, now: number): void {
    const rumour = this.#rumours.get(id);
    if (rumour === undefined || neighbour === undefined) return;
    rumour.known |= 1 << neighbour.slot;
    // Its acknowledgement was lost, and it is sent again.
    if (kind === Kind.again) {
      rumour.listed &= ~(1 << neighbour.slot);
      return this.#acknowledge(neighbour, now);
    }
    if (kind !== Kind.record || !rumour.isOnTime || now - rumour.at > circleMillis) return;
    neighbour.isEager = false;
    this.#commons.outbox.section(neighbour.peer, Kind.prune);
  }

  #cameInTime(neighbour: Neighbour): void {
    neighbour.isEager = true;
    for (const each of this.#commons.view.neighbours) each.misses = 0;
  }

  /** One loss is a loss. Several are a hole in the tree, which is mended through the one who had it. */
  #missed(neighbour: Neighbour): void {
    const { view, outbox } = this.#commons;
    let misses = 0;
    for (const each of view.neighbours) misses = Math.max(misses, each.misses);
    for (const each of view.neighbours) each.misses = misses + 1;
    const isCutOff = view.neighbours.every(({ isEager }) => !isEager);
    if (misses + 1 < missesToGraft && !isCutOff) return;
    neighbour.isEager = true;
    for (const each of view.neighbours) each.misses = 0;
    outbox.section(neighbour.peer, Kind.graft);
  }

  #want(id: number, from: number, now: number): void {
    const wanted = this.#wanted.get(id);
    if (wanted !== undefined) {
      if (wanted.sources.length < wantSources && !wanted.sources.includes(from)) wanted.sources.push(from);
      return;
    }
    if (this.#wanted.size >= limits.wanted) return void this.#commons.counters.overLimit++;
    // It may be on its way along the tree, where it would be one too many.
    this.#wanted.set(id, { sources: [from], at: now + patienceMillis, tries: 0 });
  }

  #repair(neighbour: Neighbour, rumour: Rumour, now: number): void {
    const { counters, options } = this.#commons;
    if (now - neighbour.repairedAt >= options.round) {
      neighbour.repairedAt = now;
      neighbour.repaired = 0;
    }
    const length = rumour.message?.length ?? endedLength;
    if (neighbour.repaired + length > limits.repairBytes) return void counters.repairDropped++;
    neighbour.repaired += length;
    rumour.sent |= 1 << neighbour.slot;
    rumour.known |= 1 << neighbour.slot;
    if (rumour.message === undefined) return this.#tellState(neighbour.peer, rumour, now);
    this.#write(neighbour.peer, Kind.repair, rumour.message);
  }

  #write(to: number, kind: number, message: Uint8Array): void {
    const record = message.subarray(message.length < 131 ? 3 : 4);
    this.#commons.outbox.section(to, kind, record.length).bytes(record);
  }

  /** What is known now, which may be more than when the rumour came. */
  #tellState(to: number, { peer, by, doubtedAt }: Rumour, now: number): void {
    const { table, outbox } = this.#commons;
    const stamp = table.stamp(peer);
    if (rankOf(stamp) === Rank.alive) {
      outbox.section(to, Kind.alive, aliveLength).tag(peer).u32(incarnationOf(stamp));
      return;
    }
    const age = rankOf(stamp) === Rank.left ? 0 : Math.min(Math.max(0, Math.round(now - doubtedAt)), mostAge);
    outbox.section(to, Kind.ended, endedLength).tag(peer).u32(stamp).tag(by < 0 ? peer : by).u16(age);
  }
}

function rumourOf(id: number, message: Uint8Array, isOnTime: boolean, now: number): Rumour {
  const marks = { known: 0, listed: 0, sent: 0, isOnTime };
  return { id, at: now, message, peer: -1, by: -1, doubtedAt: 0, ...marks };
}

function recordMessage(record: Uint8Array): Uint8Array {
  const isShort = record.length < 128;
  const message = new Uint8Array(record.length + (isShort ? 3 : 4));
  const head = isShort ? [record.length] : [0x80 | record.length >> 8, record.length & 0xff];
  message.set([version, Kind.record, ...head]);
  message.set(record, message.length - record.length);
  return message;
}
