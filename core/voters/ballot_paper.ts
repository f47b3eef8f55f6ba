import { concatBytes } from "../wire/bytes.ts";
import { domainBytes } from "../identity/domain.ts";
import { verifySignature } from "../identity/signature.ts";
import type { Signer } from "../identity/signed.ts";
import { VerifiedRecords } from "../identity/verified_records.ts";

export interface CastVote {
  /** Ed25519 public key, 32 bytes. */
  readonly voter: Uint8Array;
  /** 64 bytes. */
  readonly signature: Uint8Array;
}

/** One signature comes again with each later promise of its voter, and in the certificate. */
const verified = new VerifiedRecords(1024);

/**
 * What a voter signs for a motion in a ballot: domain ‖ ballot, 4 bytes, big-endian ‖ id of the motion. Apart from the
 * record around it, since a certificate has room for the signatures of a majority, but not for its records.
 */
function paper(ballot: number, motionId: Uint8Array): Uint8Array {
  const number = new Uint8Array(4);
  new DataView(number.buffer).setUint32(0, ballot);
  return concatBytes(domainBytes("vote 1"), number, motionId);
}

export function signPaper(self: Signer, ballot: number, motionId: Uint8Array): CastVote {
  return { voter: self.publicKey, signature: self.sign(paper(ballot, motionId)) };
}

export function isPaperGood({ voter, signature }: CastVote, ballot: number, motionId: Uint8Array): boolean {
  const signed = paper(ballot, motionId);
  const whole = concatBytes(voter, signature, signed);
  return verified.isGood(whole, () => verifySignature(voter, signed, signature));
}
