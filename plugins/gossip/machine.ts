/**
 * Gossip of one member: who is alive, and what is new. A machine without input and output of its own: it is given
 * datagrams that were opened, and the time; it gives datagrams to seal, and facts. Its parts:
 *
 *   links        which members are neighbours           beats    that they live, and that this node does
 *   checks       from silence to a death                states   whose word is believed
 *   spread       rumours: deaths, returns, records      reconciler, prober   what all of these have missed
 *
 * Not SWIM's pings of random members: with a link that both sides know, one datagram says what two do there, rumours need
 * no targets of their own, and who watches a member is known to those who are to confirm its death.
 */
import type { Random } from "../../core/contracts/host.ts";
import { Allowance } from "./allowance.ts";
import { Beats } from "./beats.ts";
import { Chance } from "./chance.ts";
import { Checks } from "./checks.ts";
import type { Commons } from "./commons.ts";
import { GossipCounters } from "./counters.ts";
import type { Directory } from "./directory.ts";
import { Evidence } from "./evidence.ts";
import { type GossipOutput, Outputs } from "./facts.ts";
import { Health } from "./health.ts";
import { Links } from "./links.ts";
import { MemberTable, Rank, rankOf } from "./member_table.ts";
import { defaultOptions, type GossipOptions, limits } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { Prober } from "./prober.ts";
import { Reception } from "./reception.ts";
import { Reconciler } from "./reconciler.ts";
import { Spread } from "./spread.ts";
import { States } from "./states.ts";
import { View } from "./view.ts";
import { endedLength, Kind } from "./wire.ts";

export interface GossipSeat {
  readonly self: number;
  /** Has a tag for self and for every member that is admitted. */
  readonly directory: Directory;
  readonly random: Random;
  /** What the last "refuted" said, of a node that has run before. */
  readonly incarnation?: number;
  /** About how many members there will be. */
  readonly expected?: number;
  readonly options?: Partial<GossipOptions>;
  /** 8 bytes over all records that are held, told beside the digest of members. */
  readonly stateDigest?: () => Uint8Array;
  /** Each "record" is to be answered with {@link GossipMachine.judge}, and is passed on no earlier. */
  readonly isJudged?: boolean;
}

/** A deadline that is passed by so much was not kept because this node stood still. */
const standstill = 1_000;
const farewellTold = 3;

/** Every call but the polls has to be followed by {@link poll} until there is nothing left. */
export class GossipMachine {
  readonly counters: GossipCounters;
  readonly #commons: Commons;
  readonly #outputs = new Outputs();
  readonly #states: States;
  readonly #spread: Spread;
  readonly #checks: Checks;
  readonly #reconciler: Reconciler;
  readonly #beats: Beats;
  readonly #links: Links;
  readonly #prober: Prober;
  readonly #reception: Reception;
  #isRunning = false;
  /** Undefined when it has to be computed anew. */
  #deadline: number | undefined;
  #now = 0;

  constructor(seat: GossipSeat) {
    const { self, directory, random, incarnation = 0, expected, options } = seat;
    const all = { ...defaultOptions, ...options };
    const chance = new Chance(random);
    const outputs = this.#outputs;
    this.counters = new GossipCounters();
    const commons: Commons = {
      self,
      options: all,
      table: new MemberTable(self, directory, expected),
      view: new View(chance, all.beat),
      evidence: new Evidence(),
      health: new Health(),
      chance,
      counters: this.counters,
      outbox: new Outbox(directory, (to, message) => outputs.push({ type: "datagram", to, message })),
      outputs,
      stateDigest: seat.stateDigest,
      isJudged: seat.isJudged ?? false,
    };
    this.#commons = commons;
    this.#spread = new Spread(commons, directory);
    this.#states = new States(commons, incarnation, {
      tell: (statement, now) => this.#spread.state(statement, now),
      claim: (peer, stamp, now) => this.#checks.claim(peer, stamp, now),
      isSilent: (peer) => this.#checks.isSilent(peer),
      refuted: (now) => this.#beats.misjudged(now),
      ask: (peer, now) => void this.#checks.begin(peer, now),
      changed: (peer, wasGone, from, now) => this.#changed(peer, wasGone, from, now),
    });
    this.#checks = new Checks(commons, this.#states);
    this.#reconciler = new Reconciler(commons, this.#states, directory);
    this.#beats = new Beats(commons, this.#spread, this.#checks, this.#reconciler);
    this.#links = new Links(commons, {
      joined: (neighbour, now) => {
        this.#spread.joined(neighbour);
        this.#beats.greet(neighbour, now);
      },
      parted: (neighbour, now) => {
        this.#checks.end(neighbour.peer);
        this.#spread.parted(neighbour, now);
      },
    }, new Allowance(8));
    this.#prober = new Prober(commons, this.#checks, this.#reconciler, this.#states);
    this.#reception = new Reception(commons, directory, {
      states: this.#states,
      spread: this.#spread,
      checks: this.#checks,
      reconciler: this.#reconciler,
      beats: this.#beats,
      links: this.#links,
    });
  }

  /** What to store: this node's own incarnation. */
  get incarnation(): number {
    return this.#states.incarnation;
  }

  /** Members with whom this node has a link. */
  get neighbours(): readonly number[] {
    return this.#commons.view.neighbours.map(({ peer }) => peer);
  }

  /** Those of them to whom records go at once: the links of the tree. */
  get branches(): readonly number[] {
    return this.#commons.view.neighbours.filter(({ isEager }) => isEager).map(({ peer }) => peer);
  }

  /** What is known of a member: "suspect" while this node checks it and has told others. */
  stateOf(peer: number): "alive" | "suspect" | "dead" | "left" | "unknown" {
    const { table } = this.#commons;
    if (!table.isMember(peer)) return "unknown";
    const rank = rankOf(table.stamp(peer));
    if (rank !== Rank.alive) return rank === Rank.dead ? "dead" : "left";
    return this.#checks.isSuspect(peer) ? "suspect" : "alive";
  }

  start(now: number): void {
    this.#isRunning = true;
    this.#now = now;
    this.#links.start(now);
    this.#prober.start(now);
    this.#reconciler.start(now);
    this.#beats.start(now);
    this.#deadline = undefined;
  }

  /** A member exists: its admission is known. Until somebody says otherwise it is taken for alive. */
  admit(peer: number, now: number): void {
    const before = this.#commons.table.size;
    this.#commons.table.admit(peer);
    const { view, options } = this.#commons;
    if (this.#commons.table.size === before || view.degree >= options.degree) return;
    this.#links.hurry(now);
    this.#deadline = undefined;
  }

  /** A member was revoked: nothing of it or about it is heard from now on. */
  expel(peer: number, now: number): void {
    if (peer === this.#commons.self) return;
    this.#commons.table.expel(peer);
    this.#commons.evidence.forget(peer);
    this.#checks.end(peer);
    this.#links.part(peer, now, false);
    this.#settle();
  }

  /** A record for all members, at most 1,024 bytes; a longer one is counted and goes nowhere. */
  spread(record: Uint8Array, now: number): void {
    if (!this.#isRunning) return;
    if (record.length > limits.record) this.counters.oversized++;
    else this.#spread.publish(record, now);
    this.#settle();
  }

  /** What a "record" is worth: only a sound one goes further. */
  judge(record: Uint8Array, isSound: boolean, now: number): void {
    if (!this.#isRunning) return;
    this.#spread.judge(record, isSound, now);
    this.#settle();
  }

  /** The neighbours are to compare their records with this node's, at once. */
  hurry(now: number): void {
    if (!this.#isRunning) return;
    this.#beats.hurry(now);
    this.#settle();
  }

  /** Says farewell, and falls silent. */
  leave(now: number): void {
    if (!this.#isRunning) return;
    const { view, table, outbox, self, chance } = this.#commons;
    const stamp = this.#states.leave(now);
    const told = new Set(this.neighbours);
    for (let more = 0; more < farewellTold; more++) told.add(table.random(chance, (peer) => !told.has(peer)));
    told.delete(-1);
    for (const peer of told) {
      outbox.section(peer, Kind.ended, endedLength).tag(self).u32(stamp).tag(self).u16(0);
    }
    for (const { peer } of [...view.neighbours]) {
      outbox.section(peer, Kind.disconnect);
      view.remove(peer);
    }
    this.#isRunning = false;
    this.#checks.forgive();
    this.#links.stop();
    this.#prober.stop();
    this.#settle();
  }

  /** An authenticated packet of this member's data has just come. Cheap enough for every packet. */
  heard(peer: number, now: number): void {
    if (!this.#isRunning || !this.#isSpeaker(peer)) return;
    this.#commons.evidence.note(peer, now);
    if (!this.#checks.has(peer)) return;
    this.#checks.heard(peer, now);
    this.#settle();
  }

  /** `message` is kept and passed on: it must not be changed afterwards. */
  handle(from: number, message: Uint8Array, now: number): void {
    if (!this.#isRunning) return;
    if (!this.#isSpeaker(from)) return void this.counters.stranger++;
    this.#awake(now);
    this.#reception.handle(from, message, now);
    this.#settle();
  }

  handleTimeout(now: number): void {
    if (!this.#isRunning) return;
    this.#awake(now);
    this.#checks.run(now);
    this.#beats.run(now);
    this.#links.run(now);
    this.#prober.run(now);
    this.#spread.run(now);
    this.#settle();
  }

  pollTimeout(): number | undefined {
    if (!this.#isRunning) return undefined;
    this.#deadline ??= Math.min(
      this.#beats.timeout(this.#now),
      this.#checks.timeout(),
      this.#links.timeout(),
      this.#prober.timeout(),
      this.#spread.timeout(),
    );
    return this.#deadline;
  }

  poll(): GossipOutput | undefined {
    return this.#outputs.take();
  }

  /** Time has passed; far more than was asked for when this node stood still. */
  #awake(now: number): void {
    // What waited in a buffer comes call after call, while the deadline is still in the past: that is one pause.
    const expected = Math.max(this.pollTimeout() ?? now, this.#now);
    this.#now = now;
    if (now - expected <= standstill) return;
    this.counters.pauses++;
    this.#commons.health.worse(now);
    this.#checks.forgive();
    this.#beats.forgive(now - expected, now);
  }

  #settle(): void {
    this.#commons.outbox.flush();
    this.#deadline = undefined;
  }

  #isSpeaker(peer: number): boolean {
    return peer >= 0 && peer !== this.#commons.self && this.#commons.table.isMember(peer);
  }

  #changed(peer: number, wasGone: boolean, from: number, now: number): void {
    this.#checks.end(peer);
    if (!this.#commons.table.isGone(peer)) {
      if (wasGone) this.#returned(peer, from, now);
      return;
    }
    this.#links.part(peer, now, false);
    this.#prober.died(now);
  }

  /** Who came back itself is likely to come from another part of a mesh that was cut in two: a link closes the cut. */
  #returned(peer: number, from: number, now: number): void {
    if (from === peer) this.#links.bridge(peer, now);
    else if (this.#commons.view.degree < this.#commons.options.degree) this.#links.hurry(now);
    if (this.#prober.returned(now)) this.#links.mixSoon(now);
  }
}
