/**
 * The grant: an owner's word that a part of its space belongs to another peer from now on. A signed record of kind
 * `grant` whose body is the CBOR map
 *
 *     { i: network id 16, p: prefix, o: owner 20, n: version, e: epoch }
 *
 *     prefix   its length in bits, 1 byte, then all 4 or 16 bytes of its address, network byte order
 *     owner    the 160 bits of the PeerId
 *
 * The grantor is not in the body. It is whoever signed, so it cannot be claimed.
 */
import type { PeerId, Prefix } from "../../core/contracts/values.ts";
import { blob, type Fields, malformed, maxCounter } from "../../core/identity/fields.ts";
import { peerIdOf } from "../../core/identity/identity.ts";
import { copyNamed, recordName } from "../../core/identity/records_digest.ts";
import { openBody, type Signer, signRecord } from "../../core/identity/signed.ts";
import { addressFromBytes } from "../../core/wire/address.ts";
import { decodeBase32, encodeBase32 } from "../../core/wire/base32.ts";
import { concatBytes, equalBytes } from "../../core/wire/bytes.ts";
import { encodeCbor } from "../../core/wire/cbor.ts";
import { prefixOf, samePrefix } from "../../core/wire/prefix.ts";

export interface Grant {
  readonly prefix: Prefix;
  readonly owner: PeerId;
  /** The grantor: who signed. */
  readonly from: PeerId;
  /** 1 to 2^32 − 1; of two grants of one prefix by one grantor the higher one counts. */
  readonly version: number;
  /** Of the founding record; 1 until voters have made another. It orders nothing here. */
  readonly epoch: number;
  /** The signed record as it travels. */
  readonly record: Uint8Array;
  /** Names {@link record}: {@link grantId} of it. */
  readonly id: string;
}

export type GrantTerms = Pick<Grant, "prefix" | "owner" | "version" | "epoch">;

/** A grant takes about 180 bytes; what is longer carries fields of a version that this one need not pass on. */
export const maxGrantBytes = 320;

export const grantKind = "grant";

export function signGrant(self: Signer, networkId: Uint8Array, terms: GrantTerms): Grant {
  const { prefix, owner, version, epoch } = terms;
  const body = encodeCbor({
    i: networkId,
    p: prefixToBytes(prefix),
    o: decodeBase32(owner),
    n: version,
    e: epoch,
  });
  const record = signRecord(self, grantKind, body);
  return { ...terms, from: peerIdOf(self.publicKey), record, id: grantId(record) };
}

/** The grant in `record` if it is one of this network and its signature holds; undefined for anything else. */
export function openGrant(record: Uint8Array, networkId: Uint8Array): Grant | undefined {
  if (record.length > maxGrantBytes) return undefined;
  return openBody(record, grantKind, (fields, signer) => {
    if (!equalBytes(fields.bytes("i", 16), networkId)) throw malformed("network");
    return {
      ...readTerms(fields),
      from: peerIdOf(signer),
      record: copyNamed(record),
      id: grantId(record),
    };
  });
}

function readTerms(fields: Fields): GrantTerms {
  return {
    prefix: prefixFromBytes(fields.blob("p", 17)),
    owner: peerIdFromBytes(fields.bytes("o", 20)),
    version: fields.integer("n", 1, maxCounter),
    epoch: fields.integer("e", 0, maxCounter),
  };
}

/** 16 bytes of hash in hexadecimal: equal exactly for equal records. */
export function grantId(record: Uint8Array): string {
  return recordName(record);
}

/** 5 or 17 bytes. */
export function prefixToBytes({ address, bits }: Prefix): Uint8Array {
  return concatBytes(Uint8Array.of(bits), address.bytes);
}

/** Throws MALFORMED for a length of no family, and for bits set below the prefix length. */
export function prefixFromBytes(value: unknown): Prefix {
  const bytes = blob(value, 17);
  const address = addressFromBytes(bytes.subarray(1));
  const bits = bytes[0]!;
  if (address === undefined || bits > 8 * address.bytes.length) throw malformed("prefix");
  const prefix = { address, bits };
  if (!samePrefix(prefix, prefixOf(address, bits))) throw malformed("prefix");
  return prefix;
}

/** `bytes` are the 20 bytes that a PeerId spells. */
function peerIdFromBytes(bytes: Uint8Array): PeerId {
  return encodeBase32(bytes) as PeerId;
}
