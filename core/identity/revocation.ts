/**
 * Revocation: a member's word that a key or a token is out. Kind `revocation`, signed by a member:
 *
 *     { i: network id 16, e: epoch, w: wall time in ms, m: member's key 32, s: [id of a standing admission 16, …] }
 *     { i: network id 16, e: epoch, w: wall time in ms, t: token id 16 }
 *
 * A revoked key may have admitted others, before and after it was stolen, and no clock tells which was when. So the
 * revocation lists what stands: every other admission that the key has signed or will ever sign is void.
 */
import { MeshError } from "../contracts/errors.ts";
import type { WallMillis } from "../contracts/values.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { exactBytes, type Fields, malformed, maxCounter, maxWallMillis, wholeNumber } from "./fields.ts";
import { tokenIdBytes } from "./network_key.ts";
import { openBody, recordIdBytes, type Signer, signRecord } from "./signed.ts";

export interface Revocation {
  /** 16 bytes. */
  readonly networkId: Uint8Array;
  readonly epoch: number;
  readonly wall: WallMillis;
  readonly target: RevocationTarget;
}

export type RevocationTarget =
  | {
    readonly type: "member";
    /** Ed25519 public key, 32 bytes. */
    readonly publicKey: Uint8Array;
    /** Ids of records (`recordId`), 16 bytes each, at most {@link maxStanding}. */
    readonly standing: readonly Uint8Array[];
  }
  | { readonly type: "token"; readonly id: Uint8Array };

export const revocationKind = "revocation";
/** What fits a record. Whoever revokes a key that admitted more admits the rest anew: see exclusion.ts. */
export const maxStanding = 48;

/** Throws INVALID_ARGUMENT for more than {@link maxStanding} standing admissions. */
export function signRevocation(self: Signer, revocation: Revocation): Uint8Array {
  const { networkId, epoch, wall, target } = revocation;
  if (target.type === "member" && target.standing.length > maxStanding) {
    throw new MeshError(
      "INVALID_ARGUMENT",
      `Cannot revoke a member with ${target.standing.length} standing admissions: ${maxStanding} fit; admit others anew`,
    );
  }
  const common = { i: networkId, e: epoch, w: wholeNumber(wall) };
  const particular = target.type === "token" ? { t: target.id } : { m: target.publicKey, s: target.standing };
  return signRecord(self, revocationKind, encodeCbor({ ...common, ...particular }));
}

/** Undefined for anything but a well-signed revocation. `signer` is the revoking member's key. */
export function openRevocation(
  bytes: Uint8Array,
): (Revocation & { readonly signer: Uint8Array }) | undefined {
  return openBody(bytes, revocationKind, (fields, signer) => ({ ...readRevocation(fields), signer }));
}

export function readRevocation(fields: Fields): Revocation {
  return {
    networkId: fields.bytes("i", 16),
    epoch: fields.integer("e", 0, maxCounter),
    wall: fields.integer("w", 0, maxWallMillis),
    target: readTarget(fields),
  };
}

function readTarget(fields: Fields): RevocationTarget {
  if (fields.has("m") === fields.has("t")) throw malformed("the target");
  if (fields.has("t")) return { type: "token", id: fields.bytes("t", tokenIdBytes) };
  return {
    type: "member",
    publicKey: fields.bytes("m", 32),
    standing: fields.list("s", maxStanding, (item) => exactBytes(item, recordIdBytes)),
  };
}
