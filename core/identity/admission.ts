/**
 * Admission: a member's word that a key belongs to the network. Kind `admission`, signed by the admitting member:
 *
 *     { i: network id 16, s: subject's Ed25519 key 32, n: node name, t: token id 16, e: epoch, w: wall time in ms }
 *
 * Whether it counts is not in it: that follows from who signed it, see trust.ts.
 */
import { MeshError } from "../contracts/errors.ts";
import type { WallMillis } from "../contracts/values.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { type Fields, maxCounter, maxWallMillis, wholeNumber } from "./fields.ts";
import { tokenIdBytes } from "./network_key.ts";
import { isNodeName } from "./node_name.ts";
import { openBody, type Signer, signRecord } from "./signed.ts";

export interface Admission {
  /** 16 bytes. */
  readonly networkId: Uint8Array;
  /** Ed25519 public key of the admitted, 32 bytes. */
  readonly subject: Uint8Array;
  readonly name: string;
  /** 16 bytes: which token (or password) opened the door. */
  readonly tokenId: Uint8Array;
  /** 0 to 2^32 − 1. */
  readonly epoch: number;
  readonly wall: WallMillis;
}

export const admissionKind = "admission";

/** Throws INVALID_ARGUMENT for a name that no node may have. */
export function signAdmission(self: Signer, admission: Admission): Uint8Array {
  const { networkId, subject, name, tokenId, epoch, wall } = admission;
  if (!isNodeName(name)) {
    throw new MeshError(
      "INVALID_ARGUMENT",
      `Cannot admit "${name}": a name is 1 to 63 letters, digits, dots, dashes and underscores; set --name`,
    );
  }
  const body = encodeCbor({ i: networkId, s: subject, n: name, t: tokenId, e: epoch, w: wholeNumber(wall) });
  return signRecord(self, admissionKind, body);
}

/** Undefined for anything but a well-signed admission. `signer` is the admitting member's key. */
export function openAdmission(bytes: Uint8Array): (Admission & { readonly signer: Uint8Array }) | undefined {
  return openBody(bytes, admissionKind, (fields, signer) => ({ ...readAdmission(fields), signer }));
}

export function readAdmission(fields: Fields): Admission {
  return {
    networkId: fields.bytes("i", 16),
    subject: fields.bytes("s", 32),
    name: fields.text("n", isNodeName),
    tokenId: fields.bytes("t", tokenIdBytes),
    epoch: fields.integer("e", 0, maxCounter),
    wall: fields.integer("w", 0, maxWallMillis),
  };
}
