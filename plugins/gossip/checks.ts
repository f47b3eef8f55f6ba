/**
 * From silence to a death. A member that is silent when it should not be, or of whom somebody says that it is gone, is
 * checked in steps, and whatever is heard of it ends the check:
 *
 *   asked      a ping
 *   asked twice a second ping, and others are asked to ping it
 *   suspected  its other neighbours are told, and it; they check it themselves, and say so or object
 *   dead       when the timer of the suspicion ends, which those who agree shorten (Lifeguard, DSN-W 2018)
 *
 * A claim (another member's statement that it is dead or has left, which was not believed at once) ends after two pings,
 * in that statement.
 */
import type { Commons } from "./commons.ts";
import { never, randomOther } from "./commons.ts";
import { incarnationOf, Rank, rankOf, stampOf } from "./member_table.ts";
import { limits } from "./options.ts";
import type { States } from "./states.ts";
import { endedLength, Kind, mostAge } from "./wire.ts";

const Step = { asked: 0, askedTwice: 1, suspected: 2 } as const;
/** Who confirm a suspicion until its timer is at its shortest. */
const confirmations = 2;
const helpersAsked = 3;
const accusePause = 1_000;
/** How often a node that nobody answers at all asks others before it believes its own ears. */
const deafRetries = 8;
/** A veto counts only of a member that was heard here so lately: else a liar could keep a dead one alive for ever. */
const vetoMemory = 90_000;

interface Check {
  readonly peer: number;
  /** The first ping; what was heard of the member later ends the check. */
  readonly since: number;
  /** Whose suspicion made this node check, when it was not its own. */
  readonly cause: number;
  /** The stamp to take when nobody answers; 0 where this node makes up its own mind. */
  claim: number;
  step: number;
  at: number;
  suspectedAt: number;
  /** When the suspicion ends in a death. */
  deathAt: number;
  retries: number;
  helpers: readonly number[];
  /** Others that suspect it, too. */
  readonly accusers: number[];
  /** How many could. */
  confirmable: number;
}

export class Checks {
  readonly #commons: Commons;
  readonly #states: States;
  readonly #checks = new Map<number, Check>();
  readonly #claims = new Map<number, number>();

  constructor(commons: Commons, states: States) {
    this.#commons = commons;
    this.#states = states;
  }

  has(peer: number): boolean {
    return this.#checks.has(peer);
  }

  /** A ping to it was not answered. */
  isSilent(peer: number): boolean {
    return (this.#checks.get(peer)?.step ?? Step.asked) !== Step.asked;
  }

  isSuspect(peer: number): boolean {
    return this.#checks.get(peer)?.step === Step.suspected;
  }

  /** Checks a member of its own accord, or because of `cause`. False when there are too many already. */
  begin(peer: number, now: number, cause = -1): boolean {
    if (this.#checks.has(peer)) return true;
    return this.#open(peer, now, cause, 0) !== undefined;
  }

  /** Looks into a statement that a member is gone. It waits its turn, or is dropped: a digest will bring it again. */
  claim(peer: number, stamp: number, now: number): void {
    const check = this.#checks.get(peer);
    if (check !== undefined) {
      if (check.step !== Step.suspected) check.claim = Math.max(check.claim, stamp);
      return;
    }
    this.#commons.counters.doubted++;
    // Checks of its own accord always find room.
    if (this.#checks.size < limits.checks - 8) this.#open(peer, now, -1, stamp);
    else if (this.#claims.size < limits.claims) {
      this.#claims.set(peer, Math.max(stamp, this.#claims.get(peer) ?? 0));
    } else this.#commons.counters.overLimit++;
  }

  /** Another member suspects this one. */
  accused(peer: number, accuser: number, now: number): void {
    let check = this.#checks.get(peer);
    if (check === undefined) {
      let caused = 0;
      for (const { cause } of this.#checks.values()) if (cause === accuser) caused++;
      if (caused < limits.checksByAccuser) check = this.#open(peer, now, accuser, 0);
      if (check === undefined) return void this.#commons.counters.overLimit++;
    }
    if (check.accusers.includes(accuser) || check.accusers.length >= 16) return;
    check.accusers.push(accuser);
    if (check.step === Step.suspected) this.#setDeath(check, now);
  }

  /** Something came of this member itself, or of one who has just heard it. */
  heard(peer: number, now: number): void {
    const check = this.#checks.get(peer);
    if (check === undefined) return;
    this.#checks.delete(peer);
    for (const accuser of check.accusers) this.#veto(accuser, peer, now, now);
    if (check.step === Step.suspected) {
      this.#commons.counters.falseSuspicions++;
      this.#commons.health.worse(now);
      this.#commons.outputs.push({ type: "alive", peer, incarnation: this.#incarnation(peer) });
    } else if (check.claim === 0) this.#commons.health.better(now);
  }

  /** Another member heard this one `age` milliseconds ago. True when that ended a check. */
  vetoed(peer: number, age: number, now: number): boolean {
    const check = this.#checks.get(peer);
    if (check === undefined || age >= mostAge || now - age < check.since) return false;
    const known = this.#commons.evidence.at(peer);
    if (this.#commons.view.of(peer) !== undefined && known < now - vetoMemory) return false;
    this.heard(peer, now);
    return true;
  }

  #veto(to: number, peer: number, heardAt: number, now: number): void {
    const age = Math.min(Math.max(0, Math.round(now - heardAt)), mostAge);
    this.#commons.outbox.section(to, Kind.veto, 10).tag(peer).u16(age);
  }

  /** Answers one who suspects a member that was heard after its suspicion began. */
  object(to: number, peer: number, now: number): void {
    this.#veto(to, peer, this.#commons.evidence.at(peer), now);
  }

  end(peer: number): void {
    const check = this.#checks.get(peer);
    this.#checks.delete(peer);
    this.#claims.delete(peer);
    if (check?.step !== Step.suspected || this.#commons.table.isGone(peer)) return;
    this.#commons.outputs.push({ type: "alive", peer, incarnation: this.#incarnation(peer) });
  }

  /** This node stood still: what it did not hear meanwhile says nothing about others. */
  forgive(): void {
    for (const peer of [...this.#checks.keys()]) this.end(peer);
  }

  timeout(): number {
    let first = never;
    for (const { at } of this.#checks.values()) if (at < first) first = at;
    return first;
  }

  run(now: number): void {
    for (const check of this.#checks.values()) if (check.at <= now) this.#advance(check, now);
    while (this.#claims.size > 0 && this.#checks.size < limits.checks - 8) {
      const [peer, stamp] = this.#claims.entries().next().value!;
      this.#claims.delete(peer);
      if (this.#commons.table.isMember(peer) && stamp > this.#commons.table.stamp(peer)) {
        this.#open(peer, now, -1, stamp);
      }
    }
  }

  #open(peer: number, now: number, cause: number, claim: number): Check | undefined {
    if (this.#checks.size >= limits.checks) {
      this.#commons.counters.overLimit++;
      return undefined;
    }
    const check: Check = {
      peer,
      since: now,
      cause,
      claim,
      step: Step.asked,
      at: now + this.#pingMillis(now, cause >= 0 || claim !== 0),
      suspectedAt: 0,
      deathAt: never,
      retries: 0,
      helpers: [],
      accusers: [],
      confirmable: 0,
    };
    this.#checks.set(peer, check);
    this.#ping(check);
    return check;
  }

  #ping({ peer, claim }: Check): void {
    const { outbox, self } = this.#commons;
    outbox.section(peer, Kind.ping, 2).u16(0);
    if (claim === 0) return;
    outbox.section(peer, Kind.ended, endedLength).tag(peer).u32(claim).tag(self).u16(0);
  }

  #advance(check: Check, now: number): void {
    switch (check.step) {
      case Step.asked:
        return this.#askTwice(check, now);
      case Step.askedTwice:
        if (check.claim !== 0) return this.#believe(check, now);
        if (this.#isDeaf(check)) return this.#askAgain(check, now);
        return this.#suspect(check, now);
      default:
        return now < check.deathAt ? this.#accuse(check, now) : this.#bury(check, now);
    }
  }

  #askTwice(check: Check, now: number): void {
    check.step = Step.askedTwice;
    const isSecond = check.cause >= 0 || check.claim !== 0;
    check.at = now + this.#pingMillis(now, isSecond);
    this.#ping(check);
    // Who was asked to look into a suspicion is one of many witnesses already.
    if (check.claim === 0 && check.cause < 0) this.#askHelpers(check);
  }

  #askHelpers(check: Check): void {
    check.helpers = this.#witnesses(check.peer, helpersAsked);
    for (const helper of check.helpers) {
      this.#commons.outbox.section(helper, Kind.pingFor, 10).tag(check.peer).u16(0);
    }
  }

  /** A helper answers at once that it is there: when none does, it is this node that hears nothing. */
  #isDeaf({ helpers, since, retries }: Check): boolean {
    if (helpers.length < 2 || retries >= deafRetries) return false;
    return helpers.every((helper) => this.#commons.evidence.at(helper) < since);
  }

  #askAgain(check: Check, now: number): void {
    check.retries++;
    this.#commons.health.worse(now);
    check.at = now + this.#pingMillis(now, false);
    this.#ping(check);
    this.#askHelpers(check);
  }

  #suspect(check: Check, now: number): void {
    check.step = Step.suspected;
    check.suspectedAt = now;
    this.#commons.outputs.push({
      type: "suspect",
      peer: check.peer,
      incarnation: this.#incarnation(check.peer),
    });
    this.#accuse(check, now);
  }

  /** Said again every second: the accused one and its witnesses may have lost it, and it may be back. */
  #accuse(check: Check, now: number): void {
    const { outbox } = this.#commons;
    const { peer } = check;
    const incarnation = this.#incarnation(peer);
    const age = Math.min(Math.round(now - check.since), mostAge);
    const told = this.#witnesses(peer, Math.max(helpersAsked, this.#theirNeighbours(peer).length));
    check.confirmable = Math.min(confirmations, told.length);
    // The accused one first: whoever can still object should be the first to know.
    for (const to of [peer, ...told]) {
      outbox.section(to, Kind.suspect, 14).tag(peer).u32(incarnation).u16(age);
    }
    this.#setDeath(check, now);
  }

  #setDeath(check: Check, now: number): void {
    check.deathAt = this.#deathAt(check, now);
    check.at = Math.min(check.deathAt, now + accusePause);
  }

  #bury(check: Check, now: number): void {
    this.#checks.delete(check.peer);
    this.#commons.counters.deaths++;
    const age = Math.min(Math.round(now - check.since), mostAge);
    const stamp = stampOf(this.#incarnation(check.peer), Rank.dead);
    this.#states.bury(check.peer, stamp, age, now);
  }

  #believe(check: Check, now: number): void {
    this.#checks.delete(check.peer);
    const age = rankOf(check.claim) === Rank.left ? 0 : Math.min(Math.round(now - check.since), mostAge);
    this.#states.bury(check.peer, check.claim, age, now);
  }

  /**
   * Lifeguard's formula: from the longest to the shortest time, by the logarithm of those who agree. Who is no neighbour
   * waits the longest time: those who are know better, and how patient to be.
   */
  #deathAt(check: Check, now: number): number {
    const { suspicionLeast, suspicionMost } = this.#commons.options;
    const agreed = Math.min(check.accusers.length, check.confirmable);
    const neighbour = this.#commons.view.of(check.peer);
    const isAlone = check.confirmable === 0 || neighbour === undefined;
    const share = isAlone ? 0 : Math.log(agreed + 1) / Math.log(check.confirmable + 1);
    const span = suspicionMost - (suspicionMost - suspicionLeast) * share;
    const patience = neighbour?.patience ?? 0;
    const factor = this.#commons.health.factor(now);
    return Math.max(check.suspectedAt + span * factor, check.since + patience, now);
  }

  /** Where somebody else has waited before, both pings share the time of one. */
  #pingMillis(now: number, isSecond: boolean): number {
    const { options, health } = this.#commons;
    return options.ping * health.factor(now) / (isSecond ? 2 : 1);
  }

  /** Who is asked about a member: its other neighbours, as far as it told, then any. */
  #witnesses(peer: number, count: number): readonly number[] {
    const witnesses = this.#theirNeighbours(peer).slice();
    const { chance } = this.#commons;
    while (witnesses.length > count) witnesses.splice(chance.below(witnesses.length), 1);
    for (let tries = 0; witnesses.length < count && tries < 2 * count; tries++) {
      const other = randomOther(this.#commons, [peer, ...witnesses]);
      if (other < 0) break;
      witnesses.push(other);
    }
    return witnesses;
  }

  #theirNeighbours(peer: number): readonly number[] {
    const { view, table, self } = this.#commons;
    const theirs = view.of(peer)?.theirView ?? [];
    return theirs.filter((other) =>
      other !== self && other !== peer && table.isMember(other) && !table.isGone(other)
    );
  }

  #incarnation(peer: number): number {
    return incarnationOf(this.#commons.table.stamp(peer));
  }
}
