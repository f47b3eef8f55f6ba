/**
 * Anti-entropy: members compare what they know of all members, and talk of what differs only. A digest of eight bytes
 * rides on a beat or a probe now and then; who has another one answers with the sums of its 256 buckets, and gets the
 * entries of those that differ; what it knows better goes back.
 *
 * Beside it rides a digest over the records of the node. To compare these is not this machine's affair: it says who shows
 * another one.
 */
import { Allowance } from "./allowance.ts";
import type { Commons } from "./commons.ts";
import type { Directory } from "./directory.ts";
import type { States } from "./states.ts";
import { buckets, EntriesFlag, entryLength, Kind, type MessageReader, stateLength } from "./wire.ts";

/** Entries of one datagram, and datagrams that answer one summary: the rest follows with the next digest. */
const entriesEach = 80;
const datagramsEach = 8;

export class Reconciler {
  readonly #commons: Commons;
  readonly #states: States;
  readonly #directory: Directory;
  /** Comparisons are the largest thing that a member can ask for. */
  readonly #asks = new Allowance(6);
  #rideAt: number;
  readonly #differences = new Allowance(6);
  /** To look at one takes time, too, and a hundred fit a datagram. */
  readonly #looks = new Allowance(32);
  #differed = false;

  constructor(commons: Commons, states: States, directory: Directory) {
    this.#commons = commons;
    this.#states = states;
    this.#directory = directory;
    this.#rideAt = Number.NEGATIVE_INFINITY;
  }

  start(now: number): void {
    this.#rideAt = now + this.#commons.chance.within(this.#commons.options.digest);
  }

  /** Puts a digest beside a beat when it is time, or soon after tables were found to differ. */
  ride(to: number, now: number): void {
    if (now < this.#rideAt && !this.#differed) return;
    this.#differed = false;
    this.#rideAt = now + this.#commons.options.digest * (0.75 + this.#commons.chance.within(0.5));
    this.digest(to);
  }

  digest(to: number): void {
    const [left, right] = this.#commons.table.digest();
    this.#commons.outbox.section(to, Kind.digest, 8).u32(left).u32(right);
    this.state(to);
  }

  /** The digest over this node's records. */
  state(to: number): void {
    const { stateDigest, outbox } = this.#commons;
    if (stateDigest !== undefined) outbox.section(to, Kind.state, stateLength).bytes(stateDigest());
  }

  compareState(from: number, reader: MessageReader, now: number): void {
    const { stateDigest, outputs, counters } = this.#commons;
    if (stateDigest === undefined) return;
    if (!this.#looks.take(from, now)) return void counters.overLimit++;
    const [digest, own] = [reader.body().slice(0, stateLength), stateDigest()];
    if (own.every((byte, i) => byte === digest[i])) return;
    if (!this.#differences.take(from, now)) return void counters.overLimit++;
    outputs.push({ type: "differs", peer: from, digest });
  }

  compare(from: number, reader: MessageReader, now: number): void {
    const [left, right] = this.#commons.table.digest();
    if (reader.u32(0) === left && reader.u32(4) === right) return;
    if (!this.#asks.take(from, now)) return void this.#commons.counters.overLimit++;
    this.#differed = true;
    const { outbox, table } = this.#commons;
    outbox.section(from, Kind.summary, 4 * buckets);
    for (let bucket = 0; bucket < buckets; bucket++) outbox.u32(table.sum(bucket));
  }

  summary(from: number, reader: MessageReader, now: number): void {
    if (!this.#asks.take(from, now)) return void this.#commons.counters.overLimit++;
    const { table, chance } = this.#commons;
    const differs = new Uint8Array(buckets);
    for (let bucket = 0; bucket < buckets; bucket++) {
      if (reader.u32(4 * bucket) !== table.sum(bucket)) differs[bucket] = 1;
    }
    const entries: number[] = [];
    // From a random place on: several pairs that compare the same tables do not all begin with the same entries.
    for (const peer of table.inBuckets((bucket) => differs[bucket] === 1, chance.below(table.end))) {
      entries.push(peer);
      if (entries.length === entriesEach * datagramsEach) break;
    }
    this.#send(from, entries, EntriesFlag.answer);
  }

  entries(from: number, reader: MessageReader, now: number): void {
    const isAsked = (reader.u8(0) & EntriesFlag.answer) !== 0;
    const better: number[] = [];
    for (let at = 1; at < reader.length; at += entryLength) {
      const peer = this.#directory.peerOf(reader.u32(at), reader.u32(at + 4));
      if (this.#states.compare(from, peer, reader.u32(at + 8), now)) better.push(peer);
    }
    if (isAsked) this.#send(from, better, 0);
  }

  #send(to: number, peers: readonly number[], flags: number): void {
    const { outbox, table } = this.#commons;
    for (let start = 0; start < peers.length; start += entriesEach) {
      const part = peers.slice(start, start + entriesEach);
      outbox.section(to, Kind.entries, 1 + entryLength * part.length).u8(flags);
      for (const peer of part) outbox.tag(peer).u32(table.stamp(peer));
    }
  }
}
