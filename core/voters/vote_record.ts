/**
 * What a voter says of the slot that is open: which ballot it has promised to, and its last vote. Kind `vote`:
 *
 *     { i: network id 16, q: how many of these it has signed, f, e, r, s, p: the position as in a motion,
 *       n: promised ballot, a: ballot of its last vote, 0 for none, m: the motion, g: Ed25519 signature 64 }
 *                                    m and g only with a vote: g is what goes into a certificate
 *
 * One record says it all, and of one voter the later replaces the earlier, so that members keep one each. That is enough
 * for everybody who votes, since a promise repeats the last vote.
 */
import { copyBytes, equalBytes } from "../wire/bytes.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { encodeHex } from "../wire/hex.ts";
import { type Fields, malformed, maxCounter, wholeNumber } from "../identity/fields.ts";
import { openBody, recordId, type Signer, signRecord } from "../identity/signed.ts";
import { isPaperGood, signPaper } from "./ballot_paper.ts";
import { type Motion, openMotion, type Position, readPosition } from "./motion.ts";

export interface CastBallot {
  readonly ballot: number;
  readonly motion: Motion;
  /** 64 bytes, as of `signPaper`. */
  readonly signature: Uint8Array;
}

export interface Stand {
  /** 16 bytes. */
  readonly networkId: Uint8Array;
  readonly position: Position;
  /** Below it this voter votes no more in this slot. */
  readonly promised: number;
  readonly cast: CastBallot | undefined;
  /** Grows with each that a voter signs: for those who keep it without knowing what it is. */
  readonly sequence: number;
}

export interface VoteRecord extends Stand {
  /** Ed25519 public key, 32 bytes. */
  readonly voter: Uint8Array;
  /** The signed record. */
  readonly bytes: Uint8Array;
  /** Hex of `recordId`. */
  readonly id: string;
}

export const voteKind = "vote";

/** A ballot for `motion`, signed. */
export function castBallot(self: Signer, ballot: number, motion: Motion): CastBallot {
  return { ballot, motion, signature: signPaper(self, ballot, motion.id).signature };
}

export function signVote(self: Signer, stand: Stand): VoteRecord {
  const { networkId, position, promised, cast, sequence } = stand;
  const { recovery, epoch, root, slot, previous } = position;
  const vote = cast === undefined ? { a: 0 } : { a: cast.ballot, m: cast.motion.bytes, g: cast.signature };
  const place = { f: recovery, e: epoch, r: root, s: slot, p: previous };
  const body = encodeCbor({ i: networkId, q: wholeNumber(sequence), ...place, n: promised, ...vote });
  const bytes = signRecord(self, voteKind, body);
  return { ...stand, voter: self.publicKey, bytes, id: encodeHex(recordId(bytes)) };
}

/** Undefined for anything but the well-signed word of a voter about a slot. */
export function openVote(bytes: Uint8Array): VoteRecord | undefined {
  const stand = openBody(bytes, voteKind, (fields, voter) => ({ ...readStand(fields, voter), voter }));
  if (stand === undefined) return undefined;
  const own = copyBytes(bytes);
  return { ...stand, bytes: own, id: encodeHex(recordId(own)) };
}

function readStand(fields: Fields, voter: Uint8Array): Stand {
  const position = readPosition(fields);
  const networkId = fields.bytes("i", 16);
  const promised = fields.integer("n", 1, maxCounter);
  const cast = readCast(fields, voter);
  if (cast !== undefined) {
    const { motion, ballot } = cast;
    const isOfPlace = isSamePosition(motion, position) && equalBytes(motion.networkId, networkId);
    if (!isOfPlace || ballot > promised) throw malformed("the vote");
  }
  return {
    networkId,
    position,
    promised,
    cast,
    sequence: fields.integer("q", 0, Number.MAX_SAFE_INTEGER),
  };
}

function readCast(fields: Fields, voter: Uint8Array): CastBallot | undefined {
  const ballot = fields.integer("a", 0, maxCounter);
  if (ballot === 0) return undefined;
  const motion = openMotion(fields.blob("m", 1024));
  const signature = fields.bytes("g", 64);
  if (motion === undefined || !isPaperGood({ voter, signature }, ballot, motion.id)) {
    throw malformed("the vote");
  }
  return { ballot, motion, signature };
}

export function isSamePosition(left: Position, right: Position): boolean {
  return left.recovery === right.recovery && left.epoch === right.epoch && left.slot === right.slot &&
    equalBytes(left.root, right.root) && equalBytes(left.previous, right.previous);
}

/**
 * Which of two words of one voter is the later: forced lists behind it, then slot, promise, last vote; between equals the
 * lower id counts, so that all keep the same. Positive when `left` is the later, for `sort`.
 */
export function compareVotes(left: VoteRecord, right: VoteRecord): number {
  return compareStands(left, right) || (left.id < right.id ? 1 : left.id > right.id ? -1 : 0);
}

/** As {@link compareVotes} without the id. */
export function compareStands(left: Stand, right: Stand): number {
  return left.position.recovery - right.position.recovery || left.position.slot - right.position.slot ||
    left.promised - right.promised || (left.cast?.ballot ?? 0) - (right.cast?.ballot ?? 0);
}

/**
 * Whether no voter that keeps its word, and its disk, can have signed both: two motions in one ballot, or a vote below a
 * promise made by one who had not cast it yet. Order does not matter.
 */
export function isContradiction(left: VoteRecord, right: VoteRecord): boolean {
  if (left.id === right.id || !equalBytes(left.voter, right.voter)) return false;
  if (left.position.recovery !== right.position.recovery || left.position.slot !== right.position.slot) {
    return false;
  }
  if (!isSamePosition(left.position, right.position)) return true;
  const [early, late] = compareVotes(left, right) < 0 ? [left, right] : [right, left];
  const [first, last] = [early.cast, late.cast];
  if (first === undefined || last === undefined) {
    return last === undefined ? first !== undefined : last.ballot < early.promised;
  }
  if (first.ballot === last.ballot) return !equalBytes(first.motion.id, last.motion.id);
  return last.ballot < early.promised;
}
