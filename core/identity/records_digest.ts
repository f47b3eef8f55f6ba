import { blake2s } from "@noble/hashes/blake2.js";
import { encodeHex } from "../wire/hex.ts";
import { domainBytes } from "./domain.ts";
import { recordId } from "./signed.ts";

/** A record's id, in both forms. */
export interface RecordName {
  readonly id: Uint8Array;
  /** Hex of it: texts are sorted many times faster than bytes. */
  readonly text: string;
}

/** Records are compared over and over, and their bytes never change. */
const names = new WeakMap<Uint8Array, RecordName>();

/**
 * 16 bytes over a set of records, whatever their order and however often one is named: the hash of their ids, sorted.
 *
 * The exclusive or of the ids, which could be kept up to date cheaply, was rejected: whoever signs a few hundred records
 * can choose among them by linear algebra, so that their sum stands for the id of one that he wants unseen.
 */
export function recordsDigest(records: readonly Uint8Array[]): Uint8Array {
  const sorted = records.map(recordName).sort((a, b) => a.text < b.text ? -1 : a.text > b.text ? 1 : 0);
  const hash = blake2s.create({ dkLen: 16 }).update(domainBytes("records digest 1"));
  for (const [i, { id, text }] of sorted.entries()) {
    if (text !== sorted[i - 1]?.text) hash.update(id);
  }
  return hash.digest();
}

/** Reckoned once for one array of bytes. */
export function recordName(record: Uint8Array): RecordName {
  const known = names.get(record);
  if (known !== undefined) return known;
  const id = recordId(record);
  const named = { id, text: encodeHex(id) };
  names.set(record, named);
  return named;
}
