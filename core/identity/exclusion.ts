/**
 * Revoking a member without hurting those it had admitted: the records to sign. A revocation has room for the ids of
 * 48 standing admissions; whoever is left over is admitted anew by the revoking member, with the name, token and date
 * of the first admission, so that no name changes hands.
 */
import { MeshError } from "../contracts/errors.ts";
import type { WallMillis } from "../contracts/values.ts";
import { equalBytes } from "../wire/bytes.ts";
import { encodeHex } from "../wire/hex.ts";
import { openAdmission, signAdmission } from "./admission.ts";
import { maxStanding, signRevocation } from "./revocation.ts";
import { recordId, type Signer } from "./signed.ts";
import type { Trust } from "./trust.ts";

export interface ExclusionTime {
  readonly epoch: number;
  readonly wall: WallMillis;
}

/**
 * The records that revoke `publicKey`, to be merged and spread in this order: new admissions, then the revocation.
 * A member may revoke itself, but not while more than 48 depend on it: its new admissions would be void. Then it
 * throws INVALID_ARGUMENT.
 */
export function signExclusion(
  self: Signer,
  trust: Trust,
  publicKey: Uint8Array,
  time: ExclusionTime,
): readonly Uint8Array[] {
  const own = encodeHex(publicKey);
  const admissions = trust.admissionsBy(publicKey).filter(({ subject }) => subject !== own);
  const leftOver = admissions.slice(maxStanding);
  if (leftOver.length > 0 && equalBytes(self.publicKey, publicKey)) {
    throw new MeshError(
      "INVALID_ARGUMENT",
      `Cannot revoke this node itself: ${admissions.length} members were admitted by it; revoke it from another node`,
    );
  }
  const standing = admissions.slice(0, maxStanding).map((admission) => recordId(admission.bytes));
  const revocation = signRevocation(self, {
    networkId: trust.founding.networkId,
    ...time,
    target: { type: "member", publicKey, standing },
  });
  return [...leftOver.map(({ bytes }) => signAdmission(self, openAdmission(bytes)!)), revocation];
}
