/**
 * The baseline: SWIM (Das, Gupta, Motivala, DSN 2002) with suspicion, and the timers that memberlist ships for a local
 * network, without any of Lifeguard: no local health, no confirmations that shorten a suspicion, no buddy. Not a part
 * of the product; it is what false deaths are measured against. It has no push-pull, so it does not mend partitions.
 */
import type { SimRandom } from "../sim/random.ts";
import type { GossipFact, GossipShape, MachineKind, MachineSeat } from "./gossip_shape.ts";
import { decodeSwim, encodeSwim, fitting, SwimKind, type SwimUpdate, Update } from "./plain_swim_wire.ts";

const probeMillis = 1_000;
const probeTimeout = 500;
const indirectProbes = 3;
const gossipMillis = 200;
const gossipFanout = 3;
const retransmitMultiple = 4;
const suspicionMultiple = 4;
/** The dead hear what is said of them for so long, so that one who is not can object. */
const gossipToTheDead = 30_000;
const never = Number.POSITIVE_INFINITY;

export const plainSwim: MachineKind = {
  name: "plain SWIM",
  roundMillis: gossipMillis,
  create: (seat) => new PlainSwim(seat),
};

interface Broadcast {
  readonly update: SwimUpdate;
  transmits: number;
}

interface Probe {
  readonly target: number;
  readonly sequence: number;
  isAcked: boolean;
}

class PlainSwim implements GossipShape {
  readonly #self: number;
  readonly #random: SimRandom;
  readonly #states: Uint8Array;
  readonly #incarnations: Uint32Array;
  readonly #order: Uint16Array;
  readonly #facts: GossipFact[] = [];
  #broadcasts: Broadcast[] = [];
  readonly #suspicions = new Map<number, number>();
  readonly #deadSince = new Map<number, number>();
  readonly #records = new Set<number>();
  /** Pings made for others, by our number: who asked, and with which number. */
  readonly #errands = new Map<number, { readonly asker: number; readonly origin: number }>();
  #members = 1;
  #place = 0;
  #sequence = 0;
  #incarnation: number;
  #probe: Probe | undefined;
  #probeAt = never;
  #indirectAt = never;
  #gossipAt = never;

  constructor({ self, members, random, incarnation }: MachineSeat) {
    this.#self = self;
    this.#random = random;
    this.#incarnation = incarnation;
    this.#states = new Uint8Array(members).fill(Update.dead);
    this.#incarnations = new Uint32Array(members);
    this.#order = new Uint16Array(members);
  }

  start(now: number): void {
    this.#probeAt = now + this.#random.float() * probeMillis;
    if (this.#incarnation > 0) this.#refute(this.#incarnation, now);
  }

  admit(peer: number): void {
    if (this.#states[peer] !== Update.dead || this.#deadSince.has(peer)) return;
    this.#states[peer] = Update.alive;
    const place = this.#random.below(this.#members);
    this.#order[this.#members - 1] = this.#order[place]!;
    this.#order[place] = peer;
    this.#members++;
  }

  expel(peer: number, now: number): void {
    this.#apply({
      kind: Update.dead,
      peer,
      incarnation: this.#incarnations[peer]!,
      from: this.#self,
    }, now);
  }

  spread(record: Uint8Array, now: number): void {
    this.#records.add(keyOf(record));
    this.#broadcast({ kind: Update.record, record }, now);
  }

  leave(now: number): void {
    const { kind } = { kind: Update.dead };
    this.#broadcast({ kind, peer: this.#self, incarnation: this.#incarnation, from: this.#self }, now);
  }

  heard(): void {}

  handle(from: number, message: Uint8Array, now: number): void {
    const { head, updates } = decodeSwim(message);
    for (const update of updates) this.#apply(update, now);
    if (head.kind === SwimKind.ping) this.#say(from, SwimKind.ack, head.sequence);
    if (head.kind === SwimKind.pingRequest) {
      const sequence = this.#nextSequence();
      this.#errands.set(sequence, { asker: from, origin: head.sequence });
      this.#say(head.subject, SwimKind.ping, sequence);
    }
    if (head.kind === SwimKind.ack) this.#acked(head.sequence);
  }

  handleTimeout(now: number): void {
    if (now >= this.#indirectAt) this.#probeIndirectly();
    if (now >= this.#probeAt) this.#probeNext(now);
    if (now >= this.#gossipAt) this.#gossip(now);
    for (const [peer, at] of this.#suspicions) {
      if (now < at) continue;
      this.#apply(
        { kind: Update.dead, peer, incarnation: this.#incarnations[peer]!, from: this.#self },
        now,
      );
    }
  }

  pollTimeout(): number {
    let first = Math.min(this.#probeAt, this.#indirectAt, this.#gossipAt);
    for (const at of this.#suspicions.values()) first = Math.min(first, at);
    return first;
  }

  poll(): GossipFact | undefined {
    return this.#facts.shift();
  }

  #probeNext(now: number): void {
    const late = this.#probe;
    this.#probe = undefined;
    this.#indirectAt = never;
    this.#probeAt = now + probeMillis;
    if (late !== undefined && !late.isAcked && this.#states[late.target] === Update.alive) {
      const incarnation = this.#incarnations[late.target]!;
      this.#apply({ kind: Update.suspect, peer: late.target, incarnation, from: this.#self }, now);
    }
    const target = this.#nextTarget();
    if (target === undefined) return;
    this.#probe = { target, sequence: this.#nextSequence(), isAcked: false };
    this.#indirectAt = now + probeTimeout;
    this.#say(target, SwimKind.ping, this.#probe.sequence);
  }

  #probeIndirectly(): void {
    this.#indirectAt = never;
    const probe = this.#probe;
    if (probe === undefined || probe.isAcked) return;
    const helpers = this.#pick(indirectProbes, (peer) => {
      return peer !== probe.target && this.#states[peer] === Update.alive;
    });
    for (const helper of helpers) this.#say(helper, SwimKind.pingRequest, probe.sequence, probe.target);
  }

  #acked(sequence: number): void {
    const errand = this.#errands.get(sequence);
    this.#errands.delete(sequence);
    if (errand !== undefined) this.#say(errand.asker, SwimKind.ack, errand.origin);
    if (this.#probe?.sequence === sequence) this.#probe.isAcked = true;
  }

  /** Round robin over a random order, which is drawn anew when it was gone through. */
  #nextTarget(): number | undefined {
    const count = this.#members - 1;
    for (let tried = 0; tried < count; tried++) {
      if (this.#place >= count) this.#shuffle(count);
      const target = this.#order[this.#place++]!;
      if (this.#states[target] !== Update.dead) return target;
    }
    return undefined;
  }

  #shuffle(count: number): void {
    this.#place = 0;
    for (let last = count - 1; last > 0; last--) {
      const other = this.#random.below(last + 1);
      const kept = this.#order[last]!;
      this.#order[last] = this.#order[other]!;
      this.#order[other] = kept;
    }
  }

  #apply(update: SwimUpdate, now: number): void {
    if (update.kind === Update.record) return this.#learnRecord(update.record, now);
    const { kind, peer, incarnation } = update;
    if (peer === this.#self) {
      if (kind !== Update.alive && incarnation >= this.#incarnation) this.#refute(incarnation + 1, now);
      return;
    }
    const known = this.#incarnations[peer]!;
    const state = this.#states[peer]!;
    const isNews = kind === Update.alive
      ? incarnation > known
      : incarnation >= known && (kind === Update.dead ? state !== Update.dead : state === Update.alive);
    if (!isNews) return;
    this.#states[peer] = kind;
    this.#incarnations[peer] = incarnation;
    this.#suspicions.delete(peer);
    this.#deadSince.delete(peer);
    if (kind === Update.suspect) this.#suspicions.set(peer, now + this.#suspicionMillis());
    if (kind === Update.dead) this.#deadSince.set(peer, now);
    const type = kind === Update.alive ? "alive" : kind === Update.suspect ? "suspect" : "dead";
    this.#facts.push({ type, peer, incarnation });
    this.#broadcast(update, now);
  }

  #learnRecord(record: Uint8Array, now: number): void {
    if (this.#records.has(keyOf(record))) return;
    this.#records.add(keyOf(record));
    this.#facts.push({ type: "record", record, from: this.#self });
    this.#broadcast({ kind: Update.record, record }, now);
  }

  #refute(incarnation: number, now: number): void {
    this.#incarnation = incarnation;
    this.#facts.push({ type: "refuted", incarnation });
    this.#broadcast({ kind: Update.alive, peer: this.#self, incarnation, from: this.#self }, now);
  }

  #suspicionMillis(): number {
    return suspicionMultiple * Math.max(1, Math.log10(this.#members)) * probeMillis;
  }

  #broadcast(update: SwimUpdate, now: number): void {
    if (update.kind !== Update.record) {
      this.#broadcasts = this.#broadcasts.filter((other) =>
        other.update.kind === Update.record || other.update.peer !== update.peer
      );
    }
    this.#broadcasts.unshift({ update, transmits: 0 });
    if (this.#gossipAt === never) this.#gossipAt = now + this.#random.float() * gossipMillis;
  }

  #gossip(now: number): void {
    this.#gossipAt = this.#broadcasts.length === 0 ? never : now + gossipMillis;
    const targets = this.#pick(gossipFanout, (peer) => {
      return this.#states[peer] !== Update.dead || now < (this.#deadSince.get(peer) ?? 0) + gossipToTheDead;
    });
    for (const target of targets) {
      if (this.#broadcasts.length > 0) this.#say(target, SwimKind.gossip, 0);
    }
  }

  /** Up to so many different members for which `isFit` holds; fewer when a bounded search finds no more. */
  #pick(count: number, isFit: (peer: number) => boolean): readonly number[] {
    const picked: number[] = [];
    for (let tries = 0; this.#members > 1 && tries < 10 * count && picked.length < count; tries++) {
      const peer = this.#order[this.#random.below(this.#members - 1)]!;
      if (!picked.includes(peer) && isFit(peer)) picked.push(peer);
    }
    return picked;
  }

  #say(to: number, kind: number, sequence: number, subject = 0): void {
    const updates = fitting(this.#broadcasts.map(({ update }) => update));
    this.#facts.push({
      type: "datagram",
      to,
      message: encodeSwim({ kind, sequence, subject, origin: 0 }, updates),
    });
    if (updates.length === 0) return;
    const most = retransmitMultiple * Math.ceil(Math.log10(this.#members + 1));
    for (const each of this.#broadcasts) if (updates.includes(each.update)) each.transmits++;
    this.#broadcasts = this.#broadcasts
      .filter(({ transmits }) => transmits < most)
      .sort((a, b) => a.transmits - b.transmits);
  }

  #nextSequence(): number {
    return this.#sequence++;
  }
}

/** A record is known by its first six bytes, which are random enough for a simulation. */
function keyOf(record: Uint8Array): number {
  return record.subarray(0, 6).reduce((key, byte) => key * 256 + byte, 0);
}
