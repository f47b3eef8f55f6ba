import { blake2s } from "@noble/hashes/blake2.js";
import { copyBytes } from "../wire/bytes.ts";
import { decodeHex, encodeHex } from "../wire/hex.ts";
import { domainBytes } from "./domain.ts";
import { recordId } from "./signed.ts";

/** Records are compared over and over, and their bytes never change. */
const names = new WeakMap<Uint8Array, string>();

/**
 * 16 bytes over a set of records, whatever their order and however often one is named: the hash of their ids, sorted.
 *
 * The exclusive or of the ids, which could be kept up to date cheaply, was rejected: whoever signs a few hundred records
 * can choose among them by linear algebra, so that their sum stands for the id of one that he wants unseen.
 */
export function recordsDigest(records: readonly Uint8Array[]): Uint8Array {
  const sorted = records.map(recordName).sort();
  const hash = blake2s.create({ dkLen: 16 }).update(domainBytes("records digest 1"));
  for (const [i, name] of sorted.entries()) {
    if (name !== sorted[i - 1]) hash.update(idNamed(name));
  }
  return hash.digest();
}

/**
 * Hex of a record's id, reckoned once for one array of bytes: whoever holds a record and its name takes it from here, so
 * that all who hold the record share one text. Texts are sorted many times faster than bytes, and weigh a quarter.
 */
export function recordName(record: Uint8Array): string {
  const known = names.get(record);
  if (known !== undefined) return known;
  const name = encodeHex(recordId(record));
  names.set(record, name);
  return name;
}

/** A copy in memory of its own that has its name already: of two arrays with the same bytes each is hashed by itself. */
export function copyNamed(record: Uint8Array): Uint8Array {
  const copy = copyBytes(record);
  names.set(copy, recordName(record));
  return copy;
}

/** The id of a {@link recordName}, 16 bytes. */
export function idNamed(name: string): Uint8Array {
  return decodeHex(name)!;
}
