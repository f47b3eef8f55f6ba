/**
 * The keys that may vote. A list is written as its keys in a row, 32 bytes each: its order is part of it, since the
 * numbers of ballots are dealt out by place (see synod.ts).
 */
import { MeshError } from "../contracts/errors.ts";
import { concatBytes, copyBytes, equalBytes } from "../wire/bytes.ts";
import { encodeHex } from "../wire/hex.ts";

/** Ed25519 public keys, 32 bytes each, 1 to {@link maxVoters}, none twice. */
export type VoterList = readonly Uint8Array[];

/** More would make every decision dearer and hardly any network safer: seven bear the loss of three. */
export const maxVoters = 7;
const keyBytes = 32;

/** How many of so many voters make a decision: any two such groups share a voter. */
export function majorityOf(size: number): number {
  return (size >> 1) + 1;
}

/** The place of a key in a list, -1 for none. */
export function placeOf(list: VoterList, key: Uint8Array): number {
  return list.findIndex((voter) => equalBytes(voter, key));
}

/** Throws INVALID_ARGUMENT for a list that is none. */
export function encodeVoterList(list: VoterList): Uint8Array {
  const bytes = concatBytes(...list);
  if (list.every((key) => key.length === keyBytes) && decodeVoterList(bytes) !== undefined) return bytes;
  throw new MeshError(
    "INVALID_ARGUMENT",
    `Cannot make a list of ${list.length} voters: give 1 to ${maxVoters} different keys of ${keyBytes} bytes`,
  );
}

/** Undefined for anything but 1 to {@link maxVoters} different keys. */
export function decodeVoterList(bytes: Uint8Array): VoterList | undefined {
  const count = bytes.length / keyBytes;
  if (!Number.isInteger(count) || count < 1 || count > maxVoters) return undefined;
  const list = Array.from({ length: count }, (_, i) => copyBytes(bytes, i * keyBytes, (i + 1) * keyBytes));
  return new Set(list.map(encodeHex)).size === count ? list : undefined;
}
