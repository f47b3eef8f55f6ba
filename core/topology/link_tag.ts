/**
 * The short name of a member in link state: the first 8 bytes of its PeerId. Twenty bytes would leave room for 30 links
 * in a record. Whoever wants the tag of another one has to find a key with the same 64 bits, and if one is found, both
 * still sign with keys of their own: what it gains is to be mistaken for a neighbour.
 *
 * In memory a tag is its 16 hexadecimal digits: a key of maps whose order is the order of the bytes.
 */
import { MeshError } from "../contracts/errors.ts";
import type { PeerId } from "../contracts/values.ts";
import { decodeBase32 } from "../wire/base32.ts";
import { decodeHex, encodeHex } from "../wire/hex.ts";

export type LinkTag = string & { readonly __brand: "LinkTag" };

export const tagBytes = 8;

/** Throws INVALID_ARGUMENT for what is no PeerId. */
export function tagOf(peer: PeerId): LinkTag {
  const bytes = decodeBase32(peer);
  if (bytes === undefined || bytes.length < tagBytes) {
    throw new MeshError("INVALID_ARGUMENT", `Cannot shorten "${peer}": it is no peer id`);
  }
  return tagFromBytes(bytes);
}

/** The tag that begins at `offset`, where 8 bytes must be. */
export function tagFromBytes(bytes: Uint8Array, offset = 0): LinkTag {
  return encodeHex(bytes.subarray(offset, offset + tagBytes)) as LinkTag;
}

export function tagToBytes(tag: LinkTag): Uint8Array {
  return decodeHex(tag)!;
}

/** For `sort`: the order of the bytes, the same in every place and language. */
export function compareTags(left: LinkTag, right: LinkTag): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
