/**
 * A certificate: a motion with the votes of just a majority, all of one ballot. Whoever holds the lists of voters needs
 * nothing else to check it. Kind `voters` if the motion is a list, which makes it a link of the chain; else `decision`:
 *
 *     { m: motion, n: ballot, v: [voter's key 32 ‖ Ed25519 signature 64, …], keys in rising order }
 *
 * The signer of the record is whoever put it together, one of the voters in it: else anybody could make any number of
 * records that say the same. The keys stand in the certificate, although the list has them, so that its signatures are
 * checked before the list is known, and what waits for a list is well signed.
 */
import { compareBytes, concatBytes, copyBytes, equalBytes } from "../wire/bytes.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { encodeHex } from "../wire/hex.ts";
import { exactBytes, type Fields, malformed, maxCounter } from "../identity/fields.ts";
import {
  openRecord,
  readBody,
  recordId,
  type SignedRecord,
  type Signer,
  signRecord,
} from "../identity/signed.ts";
import { type CastVote, isPaperGood } from "./ballot_paper.ts";
import { type Motion, openMotion, votersMotion } from "./motion.ts";
import { majorityOf, maxVoters, placeOf, type VoterList } from "./voter_list.ts";

export interface Certificate {
  readonly motion: Motion;
  readonly ballot: number;
  /** In rising order of the keys. */
  readonly votes: readonly CastVote[];
}

export interface CertificateRecord extends Certificate {
  /** The signed record. */
  readonly bytes: Uint8Array;
  /** Hex of `recordId`. */
  readonly id: string;
}

export const votersKind = "voters";
export const decisionKind = "decision";

/** `votes` are a majority of the list; `self` is one of them. */
export function signCertificate(self: Signer, { motion, ballot, votes }: Certificate): Uint8Array {
  const sorted = votes.toSorted((left, right) => compareBytes(left.voter, right.voter));
  const papers = sorted.map(({ voter, signature }) => concatBytes(voter, signature));
  return signRecord(self, kindOf(motion), encodeCbor({ m: motion.bytes, n: ballot, v: papers }));
}

/** Undefined for anything but a certificate whose signatures all hold. Whether they are a majority the list tells. */
export function openCertificate(bytes: Uint8Array): CertificateRecord | undefined {
  const record = openRecord(bytes, (kind) => kind === votersKind || kind === decisionKind);
  if (record === undefined) return undefined;
  const certificate = readBody(record, (fields) => readCertificate(fields));
  if (certificate === undefined || !isWellMade(certificate, record)) return undefined;
  const own = copyBytes(bytes);
  return { ...certificate, bytes: own, id: encodeHex(recordId(own)) };
}

/** The certificate in the fields m, n and v of a map: another record may carry one. Throws MALFORMED. */
export function readCertificate(fields: Fields): Certificate {
  const motion = openMotion(fields.blob("m", 1024));
  if (motion === undefined) throw malformed("a motion");
  const votes = fields.list("v", majorityOf(maxVoters), (item) => {
    const paper = exactBytes(item, 96);
    return { voter: copyBytes(paper, 0, 32), signature: copyBytes(paper, 32) };
  });
  return { motion, ballot: fields.integer("n", 1, maxCounter), votes };
}

function isWellMade({ motion, ballot, votes }: Certificate, record: SignedRecord): boolean {
  if (record.kind !== kindOf(motion)) return false;
  if (!votes.some(({ voter }) => equalBytes(voter, record.signer))) return false;
  return areWellSigned({ motion, ballot, votes });
}

/** Whether the votes are of different voters, in order, and each signature holds. */
export function areWellSigned({ motion, ballot, votes }: Certificate): boolean {
  const isSorted = votes.every(({ voter }, i) => i === 0 || compareBytes(votes[i - 1]!.voter, voter) < 0);
  return isSorted && votes.every((vote) => isPaperGood(vote, ballot, motion.id));
}

/** Whether those who voted are just a majority of the list. */
export function isMajorityOf(list: VoterList, { votes }: Certificate): boolean {
  return votes.length === majorityOf(list.length) && votes.every(({ voter }) => placeOf(list, voter) !== -1);
}

/**
 * Which of two certificates for one place in the history counts: the lower slot, then the lower ballot, which was first
 * where all were honest, then the lower ids. Negative, 0 or positive, for `sort`.
 */
export function compareCertificates(left: CertificateRecord, right: CertificateRecord): number {
  return left.motion.slot - right.motion.slot || left.ballot - right.ballot ||
    compareBytes(left.motion.id, right.motion.id) || (left.id < right.id ? -1 : left.id > right.id ? 1 : 0);
}

function kindOf({ kind }: Motion): string {
  return kind === votersMotion ? votersKind : decisionKind;
}
