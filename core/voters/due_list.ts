/**
 * When a network should have other voters, and which: the first hosts that stay become voters by themselves, until
 * there are five.
 *
 * Lists have an odd length. An even one bears the loss of no more voters than the odd one below and needs one more to
 * agree: of two voters both must be there, of one only that one. So a network of two hosts has one voter, of four three.
 *
 * A voter that is gone is replaced when it was gone for a day and another host can take its place: a host that restarts,
 * or is cut off for an hour, must not lose its vote, since every change of the list is a step at which a majority has to
 * be there. One that was revoked, or has left for good, is replaced as soon as possible, or given up with a second one.
 *
 * Pure. Every voter that is asked proposes the same list when it sees the same hosts; where they see different ones a
 * vote decides between the proposals, and the rule is applied to what comes out.
 */
import type { Millis } from "../contracts/values.ts";
import { compareBytes, equalBytes } from "../wire/bytes.ts";
import { majorityOf, maxVoters, placeOf, type VoterList } from "./voter_list.ts";

export interface Host {
  /** Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** How long it has been up without a break; undefined while it is down. */
  readonly upFor: Millis | undefined;
  /** How long it has been down; undefined while it is up. */
  readonly downFor: Millis | undefined;
}

export interface DueOptions {
  /** The list grows to this; 5 if absent, at most {@link maxVoters}. */
  readonly wanted?: number;
  /** A host is taken once it was up for so long; 10 minutes if absent. */
  readonly steadyAfter?: Millis;
  /** A voter is replaced once it was down for so long; 24 hours if absent. */
  readonly goneAfter?: Millis;
}

const minute: Millis = 60_000;

/**
 * The list that a motion should be made for; undefined when the present one is as it should be, or no majority of it is
 * up to decide anything. `members` are all in good standing: a voter that is not among them is out.
 */
export function dueList(
  voters: VoterList,
  members: readonly Host[],
  options: DueOptions = {},
): VoterList | undefined {
  const { wanted = 5, steadyAfter = 10 * minute, goneAfter = 24 * 60 * minute } = options;
  const hosts = voters.map((voter) => members.find(({ publicKey }) => equalBytes(publicKey, voter)));
  if (hosts.filter((host) => host?.upFor !== undefined).length < majorityOf(voters.length)) return undefined;
  const { staying = [], gone = [] } = Object.groupBy(
    hosts.filter((host) => host !== undefined),
    ({ downFor }) => downFor === undefined || downFor < goneAfter ? "staying" : "gone",
  );
  const newcomers = members.filter(({ publicKey, upFor = -1 }) =>
    upFor >= steadyAfter && placeOf(voters, publicKey) === -1
  ).toSorted(bySeniority);
  const good = [...staying, ...newcomers];
  // Who is only down keeps its place while nobody can take it.
  const all = [...good, ...gone];
  const most = Math.min(maxVoters, Math.max(wanted, voters.length));
  const size = Math.max(odd(Math.min(most, good.length)), odd(Math.min(voters.length, all.length)));
  const next = all.slice(0, size).map(({ publicKey }) => publicKey);
  return isSameSet(next, voters) ? undefined : next;
}

/** The highest odd number that is no greater. */
function odd(count: number): number {
  return count - 1 + count % 2;
}

/** Longest up first. */
function bySeniority(left: Host, right: Host): number {
  return (right.upFor ?? 0) - (left.upFor ?? 0) || compareBytes(left.publicKey, right.publicKey);
}

function isSameSet(left: VoterList, right: VoterList): boolean {
  return left.length === right.length && left.every((key) => placeOf(right, key) !== -1);
}
