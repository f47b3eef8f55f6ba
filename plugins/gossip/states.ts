/**
 * Who is alive, dead or has left, and what of others' statements about it is believed:
 *
 * - of itself, a member may say anything; its incarnation is its own;
 * - of a third, that it lives in at most one incarnation more than is known, or as many as a restart passes over if it was
 *   gone, for more cannot have been missed by one who hears of each; else it is asked itself;
 * - that a third is dead or has left only on a link, and of one accuser and one link a bounded number. It is looked into
 *   first (`checks.ts`) if the third is this node's neighbour, was heard after the accusation began, or is ahead;
 * - of this node, that it is gone: it takes a new incarnation and says so.
 *
 * Statements carry no signature: a neighbour can speak in others' names. So what it can do is bounded by its link, and
 * undone by the one it is about.
 */
import { Allowance } from "./allowance.ts";
import type { Commons } from "./commons.ts";
import { incarnationOf, maxStamp, Rank, rankOf, stampOf } from "./member_table.ts";
import { limits } from "./options.ts";
import { aliveLength, endedLength, Kind } from "./wire.ts";

/** What is said of a member, and by whom. */
export interface Statement {
  readonly peer: number;
  readonly stamp: number;
  /** Who passed it on; -1 for what this node found out. */
  readonly from: number;
  /** Who found it out, of one that is gone, and milliseconds since it began to doubt. */
  readonly by: number;
  readonly age: number;
}

/** Who passes a state on, and who looks into one. */
export interface StateDuties {
  tell(statement: Statement, now: number): void;
  claim(peer: number, stamp: number, now: number): void;
  isSilent(peer: number): boolean;
  /** This node was taken for gone, and is not. */
  refuted(now: number): void;
  /** Asks the member itself. */
  ask(peer: number, now: number): void;
  changed(peer: number, wasGone: boolean, from: number, now: number): void;
}

/**
 * Whoever was heard within this is asked before it is called dead: how long a session may be without a packet that this
 * thread sees, and some more. The age of an accusation is its accuser's own word, and says nothing against a lie.
 */
const freshness = 45_000;
/** A lie about this node may lift its incarnation so often. */
const refutePause = 200;

export class States {
  readonly #commons: Commons;
  readonly #duties: StateDuties;
  readonly #accusers = new Allowance(limits.deathsByAccuser);
  readonly #senders = new Allowance(limits.deathsBySender);
  readonly #revisions = new Allowance(limits.revisionsBySender);
  readonly #notices = new Allowance(8);
  #incarnation: number;
  #refutedAt = Number.NEGATIVE_INFINITY;

  constructor(commons: Commons, incarnation: number, duties: StateDuties) {
    this.#commons = commons;
    this.#duties = duties;
    this.#incarnation = Math.min(Math.max(0, incarnation), limits.incarnation);
    commons.table.raise(commons.self, stampOf(this.#incarnation, Rank.alive), 0);
  }

  get incarnation(): number {
    return this.#incarnation;
  }

  /** What this node found out: `peer` is gone. It hears it, too, so that it can object. */
  bury(peer: number, stamp: number, age: number, now: number): void {
    const { self, outbox } = this.#commons;
    const by = rankOf(stamp) === Rank.left ? peer : self;
    if (!this.#apply({ peer, stamp, from: -1, by, age }, now)) return;
    outbox.section(peer, Kind.ended, endedLength).tag(peer).u32(stamp).tag(by).u16(age);
  }

  /** `from` says that `peer` lives. */
  alive(from: number, peer: number, incarnation: number, now: number): void {
    if (peer === this.#commons.self) return this.#outbid(incarnation, now);
    const { table } = this.#commons;
    const stamp = stampOf(incarnation, Rank.alive);
    if (!this.#isSane(peer, stamp)) return;
    if (from === peer) table.confirm(peer);
    if (stamp <= table.stamp(peer)) return;
    const isNear = this.#isNear(peer, stamp, this.#stepOf(peer));
    if (from !== peer && !isNear) {
      this.#commons.counters.incarnationJump++;
      return this.#duties.ask(peer, now);
    }
    // Who is not gone has little reason for a new incarnation: a liar could send each as news through the whole mesh.
    if (from !== peer && !table.isGone(peer) && !this.#revisions.take(from, now)) {
      return void this.#commons.counters.overLimit++;
    }
    this.#apply({ peer, stamp, from, by: peer, age: 0 }, now);
  }

  /** `from` passes on that `peer` is gone. */
  ended(statement: Statement, now: number): void {
    const { table, self } = this.#commons;
    const { peer, stamp, from } = statement;
    if (peer === self) return this.accusedSelf(from, stamp, now);
    if (!this.#isSane(peer, stamp) || rankOf(stamp) === Rank.alive || stamp <= table.stamp(peer)) return;
    const isOwnWord = from === peer && rankOf(stamp) === Rank.left;
    if (!isOwnWord && !this.#isCredible(statement, now)) return;
    if (isOwnWord || !this.#isDoubtful(statement, now)) this.#apply(statement, now);
    else this.#claim(peer, stamp, now);
  }

  /** An entry of a table that is compared with this one; true when this one knows more of the member. */
  compare(from: number, peer: number, stamp: number, now: number): boolean {
    const { table, self } = this.#commons;
    if (!this.#isSane(peer, stamp)) return false;
    const known = table.stamp(peer);
    if (stamp <= known) return stamp < known;
    if (rankOf(stamp) === Rank.alive) this.alive(from, peer, incarnationOf(stamp), now);
    else if (peer === self) this.accusedSelf(from, stamp, now);
    else if (this.#isNewcomersWord(from, peer) && this.#isNear(peer, stamp, limits.incarnationStep)) {
      this.#take(peer, stamp, from, now);
    } else this.#claim(peer, stamp, now);
    return false;
  }

  /** Somebody takes this node for gone, or for older than it is. */
  accusedSelf(from: number, stamp: number, now: number): void {
    const accused = incarnationOf(stamp);
    if (stamp > maxStamp || rankOf(stamp) === Rank.alive) return;
    if (accused >= this.#incarnation) {
      if (now - this.#refutedAt < refutePause) return;
      this.#refutedAt = now;
      this.#rise(Math.min(accused, this.#incarnation + limits.incarnationStep) + 1, now);
    }
    this.answer(from);
  }

  /** Tells one member that this node lives. */
  answer(to: number): void {
    const { outbox, self } = this.#commons;
    outbox.section(to, Kind.alive, aliveLength).tag(self).u32(this.#incarnation);
  }

  /** Who speaks although it is held for gone is told so: with a new incarnation all will know better. */
  notice(peer: number, now: number): void {
    const { table, outbox, self } = this.#commons;
    if (!this.#notices.take(peer, now)) return;
    outbox.section(peer, Kind.ended, endedLength).tag(peer).u32(table.stamp(peer)).tag(self).u16(0);
  }

  leave(now: number): number {
    const stamp = stampOf(this.#incarnation, Rank.left);
    this.#commons.table.raise(this.#commons.self, stamp, now);
    return stamp;
  }

  /** Old news of this node from before it lost its memory, or a lie: its own incarnation has to be the highest. */
  #outbid(incarnation: number, now: number): void {
    if (incarnation <= this.#incarnation || now - this.#refutedAt < refutePause) return;
    this.#refutedAt = now;
    this.#rise(Math.min(incarnation, this.#incarnation + limits.incarnationStep) + 1, now);
  }

  #rise(incarnation: number, now: number): void {
    this.#incarnation = Math.min(incarnation, limits.incarnation);
    const { table, self, outputs } = this.#commons;
    outputs.push({ type: "refuted", incarnation: this.#incarnation });
    this.#duties.refuted(now);
    if (table.raise(self, stampOf(this.#incarnation, Rank.alive), now)) {
      this.#duties.tell({ peer: self, stamp: table.stamp(self), from: -1, by: self, age: 0 }, now);
    }
  }

  /** False for what is not even looked into; a true one comes again with a digest. */
  #isCredible({ from, peer, stamp, by }: Statement, now: number): boolean {
    const { table, view, counters } = this.#commons;
    const isLeft = rankOf(stamp) === Rank.left;
    // States travel on links, and who has left said so itself.
    if (view.of(from) === undefined || (isLeft ? by !== peer : by === peer)) {
      counters.unfounded++;
      return false;
    }
    const fromOne = Math.max(limits.deathsBySender, table.size / 2);
    if (this.#senders.take(from, now, fromOne) && (isLeft || this.#accusers.take(by, now))) return true;
    counters.overLimit++;
    return false;
  }

  #isDoubtful({ peer, stamp, by, age }: Statement, now: number): boolean {
    const { table, view, evidence } = this.#commons;
    if (incarnationOf(stamp) > incarnationOf(table.stamp(peer)) + 1) return true;
    if (view.of(peer) !== undefined && !this.#duties.isSilent(peer)) return true;
    if (rankOf(stamp) === Rank.dead && (!table.isMember(by) || table.isGone(by))) return true;
    return evidence.at(peer) >= now - Math.max(age, freshness);
  }

  /** Who has just come learns from a neighbour who is long gone; of whom it has heard anything, it asks. */
  #isNewcomersWord(from: number, peer: number): boolean {
    const { table, view, evidence } = this.#commons;
    return table.isPresumed(peer) && view.of(from) !== undefined &&
      evidence.at(peer) === Number.NEGATIVE_INFINITY;
  }

  #apply(statement: Statement, now: number): boolean {
    const { peer, stamp, from } = statement;
    if (!this.#take(peer, stamp, from, now)) return false;
    this.#duties.tell(statement, now);
    return true;
  }

  #take(peer: number, stamp: number, from: number, now: number): boolean {
    const { table, outputs, evidence } = this.#commons;
    const wasGone = table.isGone(peer);
    if (!table.raise(peer, stamp, now)) return false;
    const rank = rankOf(stamp);
    const incarnation = incarnationOf(stamp);
    if (rank !== Rank.alive) {
      evidence.forget(peer);
      outputs.push({ type: rank === Rank.left ? "left" : "dead", peer, incarnation });
    } else if (wasGone) outputs.push({ type: "alive", peer, incarnation });
    this.#duties.changed(peer, wasGone, from, now);
    return true;
  }

  #claim(peer: number, stamp: number, now: number): void {
    if (this.#isNear(peer, stamp, limits.incarnationStep)) return this.#duties.claim(peer, stamp, now);
    this.#commons.counters.incarnationJump++;
  }

  /** By how much a third party may lift the incarnation of one that lives: of who is gone, by what a restart skips. */
  #stepOf(peer: number): number {
    const { table } = this.#commons;
    if (table.isPresumed(peer)) return limits.incarnationStep;
    return table.isGone(peer) ? limits.restartStep : 1;
  }

  #isNear(peer: number, stamp: number, step: number): boolean {
    return incarnationOf(stamp) <= incarnationOf(this.#commons.table.stamp(peer)) + step;
  }

  #isSane(peer: number, stamp: number): boolean {
    if (peer < 0 || !this.#commons.table.isMember(peer)) {
      this.#commons.counters.unknownMember++;
      return false;
    }
    return stamp <= maxStamp && rankOf(stamp) <= Rank.left;
  }
}
