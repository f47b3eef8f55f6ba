/**
 * Which relays to try for a peer, best first. A relay is one node in between that has a session with both ends.
 *
 * Where link state covers the whole mesh, the links of the destination say who may serve: {@link relaysBetween}. In a
 * greater one round trips stay where they are measured; then a member names of itself, beside its endpoints, a few relays
 * that it has a session with, nearest first: {@link chooseRelays} makes that list, {@link relaysForPair} says which of
 * them another node tries.
 *
 * Near relays come first. Of relays that are equally far each pair of nodes begins with another one, or in a datacentre,
 * where all are equally far, the lowest tag would carry everything.
 */
import type { RelayWillingness } from "../contracts/topology.ts";
import type { LinkRecord, ToldLink } from "./link_record.ts";
import { compareTags, type LinkTag } from "./link_tag.ts";
import { microsOf } from "./rtt_class.ts";

export interface RelayCandidate {
  readonly tag: LinkTag;
  /** The sum of both round trips as far as they are known, and the relay's burden, µs. */
  readonly micros: number;
  /** Both ends tell of a session with it. Another one is worth a try when these have failed. */
  readonly isSure: boolean;
}

/** A neighbour that may become a relay for others to reach this node by. */
export interface RelayNeighbour extends ToldLink {
  readonly willingness: RelayWillingness;
}

/** The two ends of a path, of which `from` is this node. */
export interface RelayEnds {
  readonly from: LinkTag;
  readonly to: LinkTag;
}

/** In a member's record. More would be longer than the endpoints that they stand in for. */
export const maxNamedRelays = 3;
/** A relay that is not measured from one side counts as this far, µs. */
const unknownMicros = 250_000;
/** A willing relay is worth this many µs less than one that offers itself. */
const willingBurden = 1000;
/** A relay in the list is replaced by one that is at most this far of it. */
const enoughNearer = 0.8;

/** Of `neighbours`, what this node's record is to name, nearest first; one that `before` has stays if it is about as near. */
export function chooseRelays(
  neighbours: readonly RelayNeighbour[],
  before: readonly LinkTag[] = [],
): readonly LinkTag[] {
  const costOf = ({ tag, rttClass, willingness }: RelayNeighbour) =>
    (distance(rttClass) + (willingness === "always" ? 0 : willingBurden)) *
    (before.includes(tag) ? enoughNearer : 1);
  return neighbours.filter(({ willingness }) => willingness !== "never")
    .map((neighbour) => ({ neighbour, cost: costOf(neighbour) }))
    .sort((left, right) => left.cost - right.cost || compareTags(left.neighbour.tag, right.neighbour.tag))
    .slice(0, maxNamedRelays)
    .map(({ neighbour: { tag } }) => tag);
}

/**
 * Of the relays that the destination names: first those that this node has a session with, by `mine`. The others are worth
 * a session of their own, since the other end is there already.
 */
export function relaysForPair(
  ends: RelayEnds,
  mine: readonly ToldLink[],
  theirs: readonly LinkTag[],
): readonly RelayCandidate[] {
  const near = new Map(mine.map((link) => [link.tag, link.rttClass]));
  const candidates = theirs.filter((tag) => tag !== ends.from && tag !== ends.to)
    .map((tag) => ({ tag, isSure: near.has(tag), micros: distance(near.get(tag)) }));
  return ranked(ends, candidates);
}

/**
 * From the records of all: the neighbours of this node that the destination tells of. Sure are those that tell of it in
 * turn; one whose record is full, or late, may have a session with it all the same.
 */
export function relaysBetween(
  ends: RelayEnds,
  mine: readonly ToldLink[],
  recordOf: (tag: LinkTag) => LinkRecord | undefined,
): readonly RelayCandidate[] {
  const near = new Map(mine.map((link) => [link.tag, link.rttClass]));
  const candidates = (recordOf(ends.to)?.links ?? []).flatMap(({ tag, rttClass }) => {
    const relay = recordOf(tag);
    if (tag === ends.from || !near.has(tag) || relay === undefined || relay.willingness === "never") {
      return [];
    }
    const burden = relay.willingness === "always" ? 0 : willingBurden;
    const isSure = relay.links.some((link) => link.tag === ends.to);
    return [{ tag, isSure, micros: distance(near.get(tag)) + distance(rttClass) + burden }];
  });
  return ranked(ends, candidates);
}

function ranked({ from, to }: RelayEnds, candidates: readonly RelayCandidate[]): readonly RelayCandidate[] {
  // The same for both directions, so that the two ends of a pair tend to meet at one relay.
  const pair = valueOf(from) ^ valueOf(to);
  return candidates.map((candidate) => ({ candidate, turn: valueOf(candidate.tag) ^ pair }))
    .sort((left, right) =>
      Number(right.candidate.isSure) - Number(left.candidate.isSure) ||
      left.candidate.micros - right.candidate.micros || (left.turn < right.turn ? -1 : 1)
    )
    .map(({ candidate }) => candidate);
}

function valueOf(tag: LinkTag): bigint {
  return BigInt(`0x${tag}`);
}

function distance(rttClass: number | undefined): number {
  return (rttClass === undefined ? undefined : microsOf(rttClass)) ?? unknownMicros;
}
