/**
 * The history of a network's voters, reckoned from whatever records are held: nothing of it is stored, so the order in
 * which they came cannot matter.
 *
 * It begins with the founding's list, epoch 1. From each list it goes on with the next one that a majority of it has
 * decided; of two such, which only voters that broke their word can have made, with the one that `compareCertificates`
 * puts first. A forced list follows the list that it names. All lists that can be reached make a tree; the history is
 * the path to the forced list with the highest recovery number, of several the one whose record has the lowest id, and
 * on from there. So a network that has seen a forced list never goes back to the old one, whatever its voters still
 * decide, and two operators who force at the same time end with one list.
 *
 * A forced list counts while its signer is a member: revoking that node undoes it. Who wants to revoke it forces the
 * same list anew from another node first.
 */
import { encodeHex } from "../wire/hex.ts";
import { domainHash } from "../identity/domain.ts";
import type { Founding } from "../identity/founding.ts";
import {
  type Certificate,
  type CertificateRecord,
  compareCertificates,
  isMajorityOf,
} from "./certificate.ts";
import { hashBytes, type Position } from "./motion.ts";
import type { RecoveryRecord } from "./recovery.ts";
import { decodeVoterList, type VoterList } from "./voter_list.ts";

/** A list of voters and where it stands. */
export interface Term {
  readonly root: Uint8Array;
  readonly epoch: number;
  readonly recovery: number;
  readonly voters: VoterList;
  /** The slot that decided this list; its own decisions are above. */
  readonly since: number;
  /** The record that made it; undefined for the founding's. */
  readonly madeBy: CertificateRecord | RecoveryRecord | undefined;
}

export interface Chain {
  /** From the founding's on, the one that votes now at the end. */
  readonly terms: readonly Term[];
  /** Everything that can be reached, also beside the path, by root in hex. */
  readonly reached: ReadonlyMap<string, Term>;
}

export interface ChainRecords {
  /** Certificates for lists by the root that decided, in hex; of each at most a few. */
  readonly lists: ReadonlyMap<string, readonly CertificateRecord[]>;
  /** Forced lists by the root that they follow, in hex; of members only. */
  readonly recoveries: ReadonlyMap<string, readonly RecoveryRecord[]>;
}

/** Decisions of one list, the last of which must be the next list: so what is kept of an epoch is bounded. */
export const slotsPerEpoch = 256;
/** Lists in a history. One a day lasts eleven years; an honest network makes a handful. */
export const maxEpochs = 4096;
/** Beside an honest path there is nothing, and of dishonest ones no more than this is looked at. */
const maxReached = 2 * maxEpochs;

/** Where the voters of a founding record stand: every network has one, the founder alone if it says no more. */
export function foundingTerm(founding: Founding): Term {
  const root = domainHash("founding voters 1", hashBytes, founding.networkId);
  return { root, epoch: founding.epoch, recovery: 0, voters: founding.voters, since: 0, madeBy: undefined };
}

export function chainOf(founding: Founding, records: ChainRecords): Chain {
  const first = foundingTerm(founding);
  const reached = new Map<string, Term>();
  const parents = new Map<Term, Term>();
  const open = [first];
  for (let term = open.shift(); term !== undefined && reached.size < maxReached; term = open.shift()) {
    const key = encodeHex(term.root);
    if (reached.has(key)) continue;
    reached.set(key, term);
    for (const next of [...decided(term, records), ...forced(term, records)]) {
      parents.set(next, term);
      open.push(next);
    }
  }
  const path = pathTo(target(reached, first), parents);
  return { terms: [...path, ...onwards(path.at(-1)!, records)], reached };
}

/** The slot after the last decision of this term that is known, counted without gaps. */
export function positionIn(term: Term, decisions: readonly CertificateRecord[]): Position {
  const last = decisions.at(-1)?.motion;
  return {
    recovery: term.recovery,
    epoch: term.epoch,
    root: term.root,
    slot: (last?.slot ?? term.since) + 1,
    previous: last?.id ?? term.root,
  };
}

/** Whether a certificate is of this term: its voters, its numbers, one of its slots. */
export function isOfTerm(term: Term, certificate: Certificate): boolean {
  const { slot, epoch, recovery } = certificate.motion;
  return epoch === term.epoch && recovery === term.recovery && slot > term.since &&
    slot <= term.since + slotsPerEpoch && isMajorityOf(term.voters, certificate);
}

/** The lists that a majority of this one has decided, the one that counts first, and with it what proves a fork. */
function decided(term: Term, { lists }: ChainRecords): readonly Term[] {
  if (term.epoch >= maxEpochs) return [];
  const certificates = (lists.get(encodeHex(term.root)) ?? []).filter((each) => isOfTerm(term, each));
  return firstTwo(certificates).map((madeBy) => {
    const { id, slot, epoch, recovery, payload } = madeBy.motion;
    return { root: id, epoch: epoch + 1, recovery, voters: decodeVoterList(payload)!, since: slot, madeBy };
  });
}

/** Of certificates for one place the one that counts, and the next best for another motion: evidence, if there is any. */
export function firstTwo(certificates: readonly CertificateRecord[]): readonly CertificateRecord[] {
  const sorted = certificates.toSorted(compareCertificates);
  const [first] = sorted;
  const other = sorted.find(({ motion }) => encodeHex(motion.id) !== encodeHex(first!.motion.id));
  return [first, other].filter((each) => each !== undefined);
}

function forced(term: Term, { recoveries }: ChainRecords): readonly Term[] {
  return (recoveries.get(encodeHex(term.root)) ?? []).filter(({ recovery, epoch, slot }) => {
    const isNext = recovery === term.recovery + 1 && epoch === term.epoch + 1 && term.epoch < maxEpochs;
    return isNext && slot >= term.since && slot <= term.since + slotsPerEpoch;
  }).map((madeBy) => {
    const { root, epoch, recovery, voters, slot } = madeBy;
    return { root, epoch, recovery, voters, since: slot, madeBy };
  });
}

/** The forced list that counts; the founding's where there is none. */
function target(reached: ReadonlyMap<string, Term>, first: Term): Term {
  let best = first;
  for (const term of reached.values()) {
    if (!isForced(term) || term.recovery < best.recovery) continue;
    const isTie = term.recovery === best.recovery;
    if (!isTie || !isForced(best) || term.madeBy!.id < best.madeBy!.id) best = term;
  }
  return best;
}

function isForced({ madeBy }: Term): boolean {
  return madeBy !== undefined && !("motion" in madeBy);
}

function pathTo(last: Term, parents: ReadonlyMap<Term, Term>): readonly Term[] {
  const path: Term[] = [];
  for (let term: Term | undefined = last; term !== undefined; term = parents.get(term)) path.push(term);
  return path.reverse();
}

function* onwards(from: Term, records: ChainRecords): Iterable<Term> {
  for (let term: Term | undefined = from; term !== undefined;) {
    term = decided(term, records)[0];
    if (term !== undefined) yield term;
  }
}
