/**
 * What is known of every member, in columns: 7 bytes each, and no object. The state of a member is one number, its stamp:
 *
 *     stamp = incarnation * 8 + rank          rank: alive 0, dead 1, left 2
 *
 * so what two members know of a third is joined by the larger one: commutative, associative, idempotent, whatever comes.
 * A suspicion is not part of it: it may be withdrawn without a new incarnation, so it concerns its accusers alone.
 */
import { Chance } from "./chance.ts";
import type { Directory } from "./directory.ts";
import { limits } from "./options.ts";
import { buckets } from "./wire.ts";

export const Rank = { alive: 0, dead: 1, left: 2 } as const;
export const maxStamp = limits.incarnation * 8 + Rank.left;

export function stampOf(incarnation: number, rank: number): number {
  return incarnation * 8 + rank;
}

export function incarnationOf(stamp: number): number {
  return stamp >>> 3;
}

export function rankOf(stamp: number): number {
  return stamp & 7;
}

const Flag = {
  admitted: 1,
  expelled: 2,
  /** Nothing has been heard of this member but its admission. */
  presumed: 4,
  /** Gone for so long that nobody calls it any more. */
  forgotten: 8,
} as const;

const minute = 60_000;
/** The dead that are called, since a partition may have ended: more are remembered, but not called at random. */
const callable = 64;

export class MemberTable {
  readonly self: number;
  readonly #directory: Directory;
  #stamps: Uint32Array;
  /** Minute of the machine's clock in which the member was found gone, modulo 2^16: 45 days. */
  #goneAt: Uint16Array;
  #flags: Uint8Array;
  /** For each bucket the exclusive or of what its members' stamps mix to. */
  readonly #sums = new Uint32Array(buckets);
  readonly #called: number[] = [];
  #end = 0;
  #admitted = 0;
  #gone = 0;
  #sweep = 0;

  constructor(self: number, directory: Directory, expected = 64) {
    this.self = self;
    this.#directory = directory;
    const size = Math.min(Math.max(expected, self + 1), limits.members);
    this.#stamps = new Uint32Array(size);
    this.#goneAt = new Uint16Array(size);
    this.#flags = new Uint8Array(size);
    this.admit(self);
    this.confirm(self);
  }

  /** Members that were admitted and not expelled, self included. */
  get size(): number {
    return this.#admitted;
  }

  /** Members that are not dead and have not left, self included. */
  get present(): number {
    return this.#admitted - this.#gone;
  }

  /** False for a number that cannot be, and for one that was expelled. */
  admit(peer: number): boolean {
    if (!Number.isInteger(peer) || peer < 0 || peer >= limits.members) return false;
    this.#reserve(peer);
    if (this.#flags[peer] !== 0) return this.isMember(peer);
    this.#flags[peer] = Flag.admitted | Flag.presumed;
    this.#end = Math.max(this.#end, peer + 1);
    this.#admitted++;
    this.#mix(peer);
    return true;
  }

  /** For good: what is said of this member from now on is not heard. */
  expel(peer: number): void {
    if (!Number.isInteger(peer) || peer < 0 || peer >= limits.members || peer === this.self) return;
    this.#reserve(peer);
    if (this.isMember(peer)) {
      this.#mix(peer);
      this.#admitted--;
      if (this.isGone(peer)) this.#gone--;
    }
    this.#flags[peer] = Flag.expelled;
  }

  isMember(peer: number): boolean {
    return (this.#flags[peer]! & Flag.admitted) !== 0;
  }

  isGone(peer: number): boolean {
    return (this.#stamps[peer]! & 7) !== Rank.alive;
  }

  isPresumed(peer: number): boolean {
    return (this.#flags[peer]! & Flag.presumed) !== 0;
  }

  /** Something has been heard of this member: it is no longer just taken for alive. */
  confirm(peer: number): void {
    this.#flags[peer]! &= ~Flag.presumed;
  }

  stamp(peer: number): number {
    return this.#stamps[peer]!;
  }

  /** Takes a stamp that is larger; false for one that is not. */
  raise(peer: number, stamp: number, now: number): boolean {
    if (!this.isMember(peer) || stamp <= this.#stamps[peer]! || stamp > maxStamp) return false;
    this.#mix(peer);
    const wasGone = this.isGone(peer);
    this.#stamps[peer] = stamp;
    this.#mix(peer);
    const isGone = this.isGone(peer);
    this.#gone += Number(isGone) - Number(wasGone);
    this.#flags[peer]! &= ~(Flag.presumed | Flag.forgotten);
    if (isGone) {
      this.#goneAt[peer] = Math.floor(now / minute);
      if (rankOf(stamp) === Rank.dead) this.#noteCallable(peer);
    }
    return true;
  }

  /** A random member that is present, is not self and passes; -1 when a bounded search finds none. */
  random(chance: Chance, passes: (peer: number) => boolean): number {
    for (let tries = 0; tries < 32; tries++) {
      const peer = chance.below(this.#end);
      if (this.#isCandidate(peer) && passes(peer)) return peer;
    }
    // A table of a few members, or of many dead: from a random place on the first that fits.
    if (this.present > 64) return -1;
    const start = chance.below(this.#end);
    for (let step = 0; step < this.#end; step++) {
      const peer = (start + step) % this.#end;
      if (this.#isCandidate(peer) && passes(peer)) return peer;
    }
    return -1;
  }

  /** A random one of the members that died last, to be called; -1 for none. Its tombstone must not have expired. */
  randomDead(chance: Chance): number {
    while (this.#called.length > 0) {
      const place = chance.below(this.#called.length);
      const peer = this.#called[place]!;
      const isDead = this.isMember(peer) && rankOf(this.#stamps[peer]!) === Rank.dead;
      if (isDead && (this.#flags[peer]! & Flag.forgotten) === 0) return peer;
      this.#called.splice(place, 1);
    }
    return this.#refill(chance);
  }

  /** Forgets tombstones older than `age`, looking at `count` members: a whole round takes many calls. */
  expire(now: number, age: number, count: number): void {
    const minutes = Math.min(Math.floor(age / minute), 40_000);
    for (let step = Math.min(count, this.#end); step > 0; step--) {
      this.#sweep = this.#sweep + 1 < this.#end ? this.#sweep + 1 : 0;
      const peer = this.#sweep;
      if (!this.isMember(peer) || !this.isGone(peer)) continue;
      const since = (Math.floor(now / minute) - this.#goneAt[peer]!) & 0xffff;
      if (since >= minutes) this.#flags[peer]! |= Flag.forgotten;
    }
  }

  isForgotten(peer: number): boolean {
    return (this.#flags[peer]! & Flag.forgotten) !== 0;
  }

  bucketOf(peer: number): number {
    return this.#directory.low(peer) % buckets;
  }

  sum(bucket: number): number {
    return this.#sums[bucket]!;
  }

  /** Two numbers of 32 bits over all buckets: equal tables have equal ones. */
  digest(): readonly [number, number] {
    let left = 0x811c9dc5;
    let right = 0x2545f491;
    for (const sum of this.#sums) {
      left = Math.imul(left ^ sum, 0x01000193) >>> 0;
      right = Math.imul(right ^ (sum >>> 15) ^ sum, 0x9e3779b1) >>> 0;
    }
    return [left, right];
  }

  /** Members of the buckets that `isWanted`, in the order of their numbers, from `start` around to it again. */
  *inBuckets(isWanted: (bucket: number) => boolean, start: number): Generator<number> {
    for (let step = 0; step < this.#end; step++) {
      const peer = (start + step) % this.#end;
      if (this.isMember(peer) && isWanted(this.bucketOf(peer))) yield peer;
    }
  }

  /** One more than the largest number in use. */
  get end(): number {
    return this.#end;
  }

  /** Bytes of the columns. */
  get bytes(): number {
    return this.#stamps.byteLength + this.#goneAt.byteLength + this.#flags.byteLength;
  }

  #isCandidate(peer: number): boolean {
    return peer !== this.self && this.isMember(peer) && !this.isGone(peer);
  }

  #noteCallable(peer: number): void {
    if (this.#called.includes(peer)) return;
    if (this.#called.length >= callable) this.#called.shift();
    this.#called.push(peer);
  }

  /** After many deaths at once those beyond the first are found again here. */
  #refill(chance: Chance): number {
    if (this.#gone === 0) return -1;
    for (let tries = 0; tries < 32; tries++) {
      const peer = chance.below(this.#end);
      if (!this.isMember(peer) || rankOf(this.#stamps[peer]!) !== Rank.dead || this.isForgotten(peer)) {
        continue;
      }
      this.#noteCallable(peer);
      return peer;
    }
    return -1;
  }

  #mix(peer: number): void {
    const low = this.#directory.low(peer);
    let mixed = Math.imul(
      this.#directory.high(peer) ^ Math.imul(this.#stamps[peer]!, 0x9e3779b1),
      0x85ebca6b,
    );
    mixed = Math.imul(mixed ^ (mixed >>> 15) ^ low, 0xc2b2ae35);
    this.#sums[low % buckets]! ^= mixed ^ (mixed >>> 13);
  }

  #reserve(peer: number): void {
    if (peer < this.#stamps.length) return;
    const size = Math.min(Math.max(peer + 1, 2 * this.#stamps.length), limits.members);
    const [stamps, goneAt, flags] = [this.#stamps, this.#goneAt, this.#flags];
    (this.#stamps = new Uint32Array(size)).set(stamps);
    (this.#goneAt = new Uint16Array(size)).set(goneAt);
    (this.#flags = new Uint8Array(size)).set(flags);
  }
}
