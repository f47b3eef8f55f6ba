/**
 * One slot decided by its voters: single-decree Paxos (Lamport, "Paxos made simple") over registers.
 *
 * Every voter has one register that all can read, late and with gaps, and none but itself writes: the ballot it has
 * promised to and its last vote. A ballot belongs to one voter (its number modulo 8 is the voter's place), so the
 * register says all that messages would: the owner of a ballot promises to it itself, which asks the others to; the
 * owner's vote in it is the proposal. Nothing is lost by a lost message, since the next copy of a register has it all,
 * and nothing is gained by a second or an older one.
 *
 * Why two majorities never vote for two values. Let value x have the votes of a majority Q in ballot c. Claim: every
 * proposal in a ballot b > c is x. By induction over b: its owner has read promises to b from a majority S, and some
 * voter z is in both. z voted in c before it promised to b, since afterwards it votes in nothing below b: so its
 * promise names a vote in a ballot ≥ c, and none of S names one ≥ b. The owner takes the value of the highest named
 * ballot, which is c, where only x was proposed, or lies between c and b, where it is x by the induction. That needs
 * three things of a register, which its writer keeps on disk before anybody reads it: the promise never falls, a vote is
 * cast only in the promised ballot, and an owner votes once, hence for one value, in a ballot of its own.
 *
 * Who votes comes to an end when one owner is left alone for two rounds of messages. `voter.ts` waits so that it is the
 * lowest place among those alive. That two take turns for ever at outbidding each other is possible, and unlikely.
 *
 * Not borne: a voter that lies. An odd majority overlaps with another in one voter only, and that one can give each of
 * them its vote. The records then show who it was: see {@link isContradiction}, and `chain.ts` for what counts.
 *
 * Pure, and without signatures: `T` is whatever identifies a value.
 */
import { majorityOf } from "./voter_list.ts";

export interface Cast<T> {
  readonly ballot: number;
  readonly value: T;
}

export interface Register<T> {
  /** 0 for none. */
  readonly promised: number;
  readonly cast: Cast<T> | undefined;
}

/** What one voter knows of a slot. */
export interface Council<T> {
  /** Its own place. */
  readonly self: number;
  readonly size: number;
  /** By place, its own included; of whom nothing is known there is none. */
  readonly registers: ReadonlyMap<number, Register<T>>;
}

export interface Choices<T> {
  /** What this voter wants decided. */
  readonly wish: T | undefined;
  /** Whether this voter may vote for a value. It may always refuse. */
  readonly isFit: (value: T) => boolean;
  /** Whether it may vote in ballots of its own: not if it could have forgotten what it has proposed in them. */
  readonly mayPropose: boolean;
}

/** More ballots than places: the number of a ballot is its round times this, plus the place of its owner. */
const places = 8;
const lastRound = 2 ** 29 - 1;

export const emptyRegister: Register<never> = { promised: 0, cast: undefined };

export function ownerOf(ballot: number): number {
  return ballot % places;
}

/** The register that follows from what is known; undefined when nothing does. */
export function answer<T>(council: Council<T>, choices: Choices<T>): Register<T> | undefined {
  const own = registerOf(council, council.self);
  const highest = highestPromise(council);
  const promised: Register<T> = highest > own.promised ? { promised: highest, cast: own.cast } : own;
  const voted = vote(council, promised, choices);
  return voted ?? (promised === own ? undefined : promised);
}

/** The register that begins a ballot above all that are known; undefined where the numbers are used up. */
export function begin<T>(council: Council<T>): Register<T> | undefined {
  const round = Math.floor(highestPromise(council) / places) + 1;
  if (round > lastRound) return undefined;
  return { promised: round * places + council.self, cast: registerOf(council, council.self).cast };
}

/** The ballot and value that a majority has voted for, with the places of those who did. */
export function chosen<T>(
  { size, registers }: Council<T>,
  isSame: (left: T, right: T) => boolean,
): (Cast<T> & { readonly by: readonly number[] }) | undefined {
  for (const { cast } of registers.values()) {
    if (cast === undefined) continue;
    const by = [...registers].filter(([, other]) =>
      other.cast?.ballot === cast.ballot && isSame(other.cast.value, cast.value)
    ).map(([place]) => place);
    if (by.length >= majorityOf(size)) return { ...cast, by };
  }
  return undefined;
}

function vote<T>(council: Council<T>, own: Register<T>, choices: Choices<T>): Register<T> | undefined {
  const ballot = own.promised;
  if (ballot === 0 || own.cast?.ballot === ballot) return undefined;
  const isOwner = ownerOf(ballot) === council.self;
  if (isOwner && !choices.mayPropose) return undefined;
  const value = isOwner ? proposal(council, ballot, choices) : proposed(council, ballot);
  if (value === undefined || !choices.isFit(value)) return undefined;
  return { promised: ballot, cast: { ballot, value } };
}

/**
 * What the owner of a ballot that a majority has promised to may propose. Each majority of those who did will do as the S of
 * the proof, so what a few have voted for, and is not fit any more, does not close the slot for what all others want.
 */
function proposal<T>(
  { size, registers }: Council<T>,
  ballot: number,
  { wish, isFit }: Choices<T>,
): T | undefined {
  const promises = [...registers.values()].filter(({ promised }) => promised === ballot)
    .sort((left, right) => lastBallot(left) - lastBallot(right));
  // What the last vote of each majority is for, the latest of them first.
  for (const { cast } of promises.slice(majorityOf(size) - 1).reverse()) {
    const value = cast === undefined ? wish : cast.value;
    if (value !== undefined && isFit(value)) return value;
  }
  return undefined;
}

/** 0 for no vote. */
function lastBallot({ cast }: Register<unknown>): number {
  return cast?.ballot ?? 0;
}

/** A vote in a ballot shows what its owner has proposed, whoever cast it. */
function proposed<T>({ registers }: Council<T>, ballot: number): T | undefined {
  for (const { cast } of registers.values()) if (cast?.ballot === ballot) return cast.value;
  return undefined;
}

function highestPromise<T>({ registers }: Council<T>): number {
  let highest = 0;
  for (const { promised } of registers.values()) highest = Math.max(highest, promised);
  return highest;
}

function registerOf<T>({ registers }: Council<T>, place: number): Register<T> {
  return registers.get(place) ?? emptyRegister;
}
