/**
 * Everything that members know of their voters: lists, forced lists, decisions, and each voter's word about the open
 * slot. A shared state: what is kept is a function of what was ever given, within the bounds below.
 *
 * What is dropped: words that their voter has replaced; of certificates for one place all but the one that counts and
 * one for another motion, which together show who voted for both; and what a list that is known did not decide.
 * Bounds: lists as in chain.ts; the last 1,024 decisions of reachable lists, so an epoch's are all there; what waits for
 * its list, and strangers' records, so many of the lowest ids. Whoever floods those delays what waits until the next
 * exchange of records, and delays nothing for those who get lists first, as `records` gives them. Only at a bound can
 * the order of arrival matter, and with three certificates for one place.
 */
import type { ReplicatedState } from "../contracts/replicated_state.ts";
import { equalBytes } from "../wire/bytes.ts";
import { encodeHex } from "../wire/hex.ts";
import type { Founding } from "../identity/founding.ts";
import { recordId } from "../identity/signed.ts";
import {
  type Certificate,
  type CertificateRecord,
  decisionKind,
  openCertificate,
  votersKind,
} from "./certificate.ts";
import { type Chain, chainOf, firstTwo, isOfTerm, positionIn, slotsPerEpoch, type Term } from "./chain.ts";
import { type Motion, type Position, votersMotion } from "./motion.ts";
import { openRecovery, recoveryKind, type RecoveryRecord } from "./recovery.ts";
import {
  compareVotes,
  isContradiction,
  isSamePosition,
  openVote,
  voteKind,
  type VoteRecord,
} from "./vote_record.ts";
import { placeOf, type VoterList } from "./voter_list.ts";

/** A voter that broke its word, with the two records that prove it. */
export interface Equivocation {
  /** Ed25519 public keys, 32 bytes each: who signed both. */
  readonly voters: VoterList;
  readonly records: readonly [Uint8Array, Uint8Array];
}

const limits = {
  decisions: 1024,
  waiting: 128,
  recoveriesPerSigner: 16,
  strangersRecoveries: 64,
  strangersVotes: 32,
};

export const voterKinds: readonly string[] = [recoveryKind, votersKind, decisionKind, voteKind];

type AnyRecord = CertificateRecord | RecoveryRecord | VoteRecord;

export class VoterRecords implements ReplicatedState {
  readonly name = "voters";
  readonly kinds = voterKinds;
  readonly founding: Founding;
  readonly #isMember: (publicKey: Uint8Array) => boolean;
  #certificates = new Map<string, CertificateRecord>();
  #recoveries = new Map<string, RecoveryRecord>();
  /** By voter's key in hex. */
  #votes = new Map<string, VoteRecord>();
  #chain: Chain;
  #records: readonly Uint8Array[] = [];
  /** Decisions by place, once somebody has asked which of them count: all are asked about after every change. */
  #places: ReadonlyMap<string, readonly CertificateRecord[]> | undefined;
  readonly #contradictions = new Map<string, Equivocation>();

  /** `isMember` is asked of those who force lists; when its answers change, {@link membersChanged} is to be called. */
  constructor(founding: Founding, isMember: (publicKey: Uint8Array) => boolean) {
    this.founding = founding;
    this.#isMember = isMember;
    this.#chain = chainOf(founding, { lists: new Map(), recoveries: new Map() });
  }

  /** Forced lists and lists in order of their epochs, then decisions by slot, then votes. */
  records(): readonly Uint8Array[] {
    return this.#records;
  }

  merge(records: readonly Uint8Array[]): readonly Uint8Array[] {
    const fresh = records.map((bytes) => this.#take(bytes)).filter((record) => record !== undefined);
    if (fresh.length === 0) return [];
    this.#settle();
    return fresh.filter((record) => this.#holds(record)).map(({ bytes }) => bytes);
  }

  /** Members came or went: forced lists are judged anew. */
  membersChanged(): void {
    if (this.#recoveries.size > 0) this.#settle();
  }

  chain(): Chain {
    return this.#chain;
  }

  /** The list that votes now. */
  term(): Term {
    return this.#chain.terms.at(-1)!;
  }

  /** The slot that is open, as far as is known. */
  position(): Position {
    return positionIn(this.term(), this.decisions());
  }

  /** What the list that votes now has decided, from its first slot on without a gap. */
  decisions(): readonly CertificateRecord[] {
    const term = this.term();
    const bySlot = Map.groupBy(this.#decisionsOf(term), ({ motion }) => motion.slot);
    const decisions: CertificateRecord[] = [];
    for (let position = positionIn(term, []);; position = positionIn(term, decisions)) {
      const [next] = firstTwo(
        (bySlot.get(position.slot) ?? []).filter(({ motion }) => isSamePosition(motion, position)),
      );
      if (next === undefined) return decisions;
      decisions.push(next);
    }
  }

  /** What the voters of now say of a position, by their place in the list. */
  votes(position: Position): ReadonlyMap<number, VoteRecord> {
    const votes = new Map<number, VoteRecord>();
    for (const [place, voter] of this.term().voters.entries()) {
      const vote = this.voteOf(voter);
      if (vote !== undefined && isSamePosition(vote.position, position)) votes.set(place, vote);
    }
    return votes;
  }

  /** The last word of this voter, about whatever slot. */
  voteOf(publicKey: Uint8Array): VoteRecord | undefined {
    return this.#votes.get(encodeHex(publicKey));
  }

  /**
   * Whether this is a decision that counts: by the voters of a list in the history, before its end. Of two decisions of
   * one slot that are both known the one that comes first does. Its signatures were checked by whoever opened it.
   */
  counts(certificate: Certificate): boolean {
    const { motion } = certificate;
    const at = this.#chain.terms.findIndex((term) => equalBytes(term.root, motion.root));
    const term = this.#chain.terms[at];
    if (term === undefined || !equalBytes(motion.networkId, this.founding.networkId)) return false;
    if (!isOfTerm(term, certificate) || !isInTime(motion, this.#chain.terms[at + 1])) return false;
    this.#places ??= Map.groupBy(
      [...this.#certificates.values()].filter((each) => each.motion.kind !== votersMotion),
      (each) => placeName(each.motion),
    );
    const [first] = firstTwo(this.#places.get(placeName(motion)) ?? []);
    return first === undefined || motion.kind === votersMotion || equalBytes(first.motion.id, motion.id);
  }

  /** Every decision of the history that is held, lists included, above a slot. */
  decidedAbove(slot: number): readonly Motion[] {
    return [...this.#certificates.values()].filter((each) => each.motion.slot > slot && this.counts(each))
      .map(({ motion }) => motion);
  }

  /** Whether every decision is held that the lists before the present one have made: who lacks one cannot judge a new one. */
  isComplete(): boolean {
    const { terms } = this.#chain;
    return terms.slice(0, -1).every((term, i) => {
      const next = terms[i + 1]!;
      const inTime = this.#decisionsOf(term).filter(({ motion }) => isInTime(motion, next));
      const slots = new Set(inTime.filter((each) => isOfTerm(term, each)).map(({ motion }) => motion.slot));
      const isForced = next.madeBy !== undefined && "root" in next.madeBy;
      return slots.size === next.since - term.since - (isForced ? 0 : 1);
    });
  }

  /** Who decided two motions for one place, and who contradicted itself as far as this node has seen. */
  equivocations(): readonly Equivocation[] {
    const places = Map.groupBy(this.#certificates.values(), ({ motion }) => placeName(motion));
    const forks = [...places.values()].map((certificates) => firstTwo(certificates)).filter((two) =>
      two.length === 2
    )
      .map(([left, right]) => forkOf(left!, right!)).filter((fork) => fork.voters.length > 0);
    return [...forks, ...this.#contradictions.values()];
  }

  #decisionsOf(term: Term): readonly CertificateRecord[] {
    return [...this.#certificates.values()].filter(({ motion }) =>
      motion.kind !== votersMotion && equalBytes(motion.root, term.root)
    );
  }

  /** Takes a record in for the time being; undefined for what is known or no record of this network's voters. */
  #take(bytes: Uint8Array): AnyRecord | undefined {
    if (this.#knows(encodeHex(recordId(bytes)))) return undefined;
    const certificate = openCertificate(bytes);
    if (certificate !== undefined) return this.#takeNew(certificate, certificate.motion.networkId);
    const recovery = openRecovery(bytes);
    if (recovery !== undefined) return this.#takeNew(recovery, recovery.networkId);
    const vote = openVote(bytes);
    return vote && this.#takeNew(vote, vote.networkId);
  }

  #takeNew(record: AnyRecord, networkId: Uint8Array): AnyRecord | undefined {
    if (!equalBytes(networkId, this.founding.networkId)) return undefined;
    if ("root" in record) this.#recoveries.set(record.id, record);
    else if ("motion" in record) this.#certificates.set(record.id, record);
    else return this.#takeVote(record);
    return record;
  }

  #takeVote(vote: VoteRecord): VoteRecord | undefined {
    const key = encodeHex(vote.voter);
    const known = this.#votes.get(key);
    if (known !== undefined) {
      this.#note(known, vote);
      if (compareVotes(vote, known) <= 0) return undefined;
    }
    this.#votes.set(key, vote);
    return vote;
  }

  #note(left: VoteRecord, right: VoteRecord): void {
    const key = encodeHex(left.voter);
    if (this.#contradictions.has(key) || !isContradiction(left, right)) return;
    if (placeOf(this.term().voters, left.voter) === -1) return;
    this.#contradictions.set(key, { voters: [left.voter], records: [left.bytes, right.bytes] });
  }

  #knows(id: string): boolean {
    return this.#certificates.has(id) || this.#recoveries.has(id);
  }

  #holds(record: AnyRecord): boolean {
    return this.#knows(record.id) ||
      ("voter" in record && this.#votes.get(encodeHex(record.voter)) === record);
  }

  #settle(): void {
    this.#places = undefined;
    this.#settleRecoveries();
    this.#chain = this.#reckon();
    this.#settleCertificates();
    this.#settleVotes();
    const byEpoch = (left: RecoveryRecord | CertificateRecord, right: RecoveryRecord | CertificateRecord) =>
      epochOf(left) - epochOf(right) || slotOf(left) - slotOf(right) || (left.id < right.id ? -1 : 1);
    const chain = [...this.#recoveries.values(), ...this.#certificates.values()].toSorted(byEpoch);
    const votes = [...this.#votes].toSorted(([left], [right]) => left < right ? -1 : 1).map(([, vote]) =>
      vote
    );
    const records = [...chain, ...votes].map(({ bytes }) => bytes);
    const isSame = records.length === this.#records.length &&
      records.every((each, i) => each === this.#records[i]);
    if (!isSame) this.#records = records;
  }

  #reckon(): Chain {
    const lists = [...this.#certificates.values()].filter(({ motion }) => motion.kind === votersMotion);
    const members = [...this.#recoveries.values()].filter(({ signer }) => this.#isMember(signer));
    return chainOf(this.founding, {
      lists: Map.groupBy(lists, ({ motion }) => encodeHex(motion.root)),
      recoveries: Map.groupBy(members, ({ follows }) => encodeHex(follows)),
    });
  }

  #settleRecoveries(): void {
    const all = [...this.#recoveries.values()];
    const perSigner = Map.groupBy(all, ({ signer }) => encodeHex(signer)).values();
    const kept = [...perSigner].flatMap((records) =>
      records.toSorted((left, right) => left.recovery - right.recovery || (left.id < right.id ? -1 : 1))
        .slice(0, limits.recoveriesPerSigner)
    );
    const { members = [], strangers = [] } = Object.groupBy(
      kept,
      ({ signer }) => this.#isMember(signer) ? "members" : "strangers",
    );
    this.#recoveries = byId([...members, ...lowest(strangers, limits.strangersRecoveries)]);
  }

  #settleCertificates(): void {
    const { reached } = this.#chain;
    const all = [...this.#certificates.values()];
    const waiting = all.filter(({ motion }) => !reached.has(encodeHex(motion.root)));
    const lists = [...reached.values()].map(({ madeBy }) => madeBy).filter((each) =>
      each && "motion" in each
    );
    const valid = all.filter((each) => isDecisionOf(reached.get(encodeHex(each.motion.root)), each));
    const places = Map.groupBy(valid, ({ motion }) => placeName(motion));
    const decisions = [...places.values()].flatMap(firstTwo)
      .toSorted((left, right) => right.motion.slot - left.motion.slot || (left.id < right.id ? -1 : 1))
      .slice(0, limits.decisions);
    this.#certificates = byId([
      ...(lists as readonly CertificateRecord[]),
      ...decisions,
      ...lowest(waiting, limits.waiting),
    ]);
  }

  #settleVotes(): void {
    const isVoter = ([, { voter }]: readonly [string, VoteRecord]) =>
      placeOf(this.term().voters, voter) !== -1;
    const { voters = [], others = [] } = Object.groupBy(
      this.#votes,
      (entry) => isVoter(entry) ? "voters" : "others",
    );
    const kept = others.toSorted(([left], [right]) => left < right ? -1 : 1).slice(0, limits.strangersVotes);
    this.#votes = new Map([...voters, ...kept]);
  }
}

/** Below the slot that decided the next list, or up to the one that a forced list names. */
function isInTime(motion: Motion, next: Term | undefined): boolean {
  if (next === undefined) return true;
  const isList = motion.kind === votersMotion;
  if (next.madeBy !== undefined && "motion" in next.madeBy) {
    return isList ? equalBytes(next.madeBy.motion.id, motion.id) : motion.slot < next.since;
  }
  return !isList && motion.slot <= next.since;
}

/** The last slot of an epoch can only be the next list's. */
function isDecisionOf(term: Term | undefined, certificate: CertificateRecord): boolean {
  const { kind, slot } = certificate.motion;
  return term !== undefined && kind !== votersMotion && slot < term.since + slotsPerEpoch &&
    isOfTerm(term, certificate);
}

/** Lists compete for their root, whatever the slot; decisions for their slot. */
function placeName({ kind, root, slot }: Motion): string {
  return kind === votersMotion ? encodeHex(root) : `${encodeHex(root)}/${slot}`;
}

function forkOf(left: CertificateRecord, right: CertificateRecord): Equivocation {
  const voters = left.votes.map(({ voter }) => voter);
  const both = voters.filter((voter) => right.votes.some((other) => equalBytes(other.voter, voter)));
  return { voters: both, records: [left.bytes, right.bytes] };
}

function epochOf(record: RecoveryRecord | CertificateRecord): number {
  return "motion" in record ? record.motion.epoch : record.epoch - 1;
}

function slotOf(record: RecoveryRecord | CertificateRecord): number {
  return "motion" in record ? record.motion.slot : record.slot;
}

function lowest<T extends { readonly id: string }>(records: readonly T[], count: number): readonly T[] {
  return records.toSorted((left, right) => left.id < right.id ? -1 : 1).slice(0, count);
}

function byId<T extends { readonly id: string }>(records: readonly T[]): Map<string, T> {
  return new Map(records.map((record) => [record.id, record]));
}
