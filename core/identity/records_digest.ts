import { blake2s } from "@noble/hashes/blake2.js";
import { compareBytes, equalBytes } from "../wire/bytes.ts";
import { domainBytes } from "./domain.ts";
import { recordId } from "./signed.ts";

/** Records are compared over and over, and their bytes never change. */
const ids = new WeakMap<Uint8Array, Uint8Array>();

/**
 * 16 bytes over a set of records, whatever their order and however often one is named: the hash of their ids, sorted.
 *
 * The exclusive or of the ids, which could be kept up to date cheaply, was rejected: whoever signs a few hundred records
 * can choose among them by linear algebra, so that their sum stands for the id of one that he wants unseen.
 */
export function recordsDigest(records: readonly Uint8Array[]): Uint8Array {
  const sorted = records.map(idOf).sort(compareBytes);
  const hash = blake2s.create({ dkLen: 16 }).update(domainBytes("records digest 1"));
  for (const [i, id] of sorted.entries()) {
    if (i === 0 || !equalBytes(id, sorted[i - 1]!)) hash.update(id);
  }
  return hash.digest();
}

function idOf(record: Uint8Array): Uint8Array {
  const known = ids.get(record);
  if (known !== undefined) return known;
  const id = recordId(record);
  ids.set(record, id);
  return id;
}
