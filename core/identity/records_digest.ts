import { blake2s } from "@noble/hashes/blake2.js";
import { recordId } from "./signed.ts";

/** 16 bytes over a set of records, whatever their order: the exclusive or of their ids, hashed once more. */
export function recordsDigest(records: readonly Uint8Array[]): Uint8Array {
  const sum = new Uint8Array(16);
  for (const record of records) {
    const id = recordId(record);
    for (let i = 0; i < sum.length; i++) sum[i]! ^= id[i]!;
  }
  return blake2s(sum, { dkLen: 16 });
}
