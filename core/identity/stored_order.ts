/** In which order what a disk has kept of admissions and revocations is to be taken. */
import { encodeHex } from "../wire/hex.ts";
import { admissionKind, readAdmission } from "./admission.ts";
import { claimedOrigin, readBody, reopenRecord } from "./signed.ts";

/**
 * The same records, each after the admissions that lead to its signer, then those to whose signers none leads: of records
 * that wait for others only few are kept, and a disk lists them by ids that mean nothing. Nothing is believed here: what
 * only claims to be an admission comes at another place, where it is refused as well.
 *
 * `founder`: public key, 32 bytes. Each record is read once, whatever the others say: to take all of them again and again
 * until nothing is new was rejected, since a member that admits itself under a thousand keys in a row would make that a
 * thousand times, with a signature check of each record.
 */
export function parentsFirst(founder: Uint8Array, records: readonly Uint8Array[]): readonly Uint8Array[] {
  const bySigner = Map.groupBy(records, signerIn);
  const reached = new Set([encodeHex(founder)]);
  const ordered: Uint8Array[] = [];
  for (const signer of reached) {
    for (const record of bySigner.get(signer) ?? []) {
      ordered.push(record);
      const subject = subjectIn(record);
      if (subject !== undefined) reached.add(subject);
    }
  }
  const rest = records.filter((record) => !reached.has(signerIn(record)));
  return [...ordered, ...rest];
}

/** In hex; empty for what is no record. */
function signerIn(record: Uint8Array): string {
  const origin = claimedOrigin(record);
  return origin === undefined ? "" : encodeHex(origin.signer);
}

/** Whom it claims to admit, in hex. */
function subjectIn(record: Uint8Array): string | undefined {
  const opened = reopenRecord(record);
  const admission = opened.kind === admissionKind ? readBody(opened, readAdmission) : undefined;
  return admission && encodeHex(admission.subject);
}
