/**
 * Binding of a Noise key to an identity: record of kind `binding`, { k: X25519 key, n: number }. The signer is the
 * identity. Of two bindings the higher number is the later one; a session made under a lower one is to be closed.
 */
import type { Self } from "../contracts/host.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { maxCounter } from "./fields.ts";
import { openBody, signRecord } from "./signed.ts";

export interface Binding {
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** X25519, 32 bytes. */
  readonly noiseKey: Uint8Array;
  /** 1 to 2^32 − 1. */
  readonly number: number;
}

const kind = "binding";

export function signBinding(self: Pick<Self, "publicKey" | "sign" | "noise">, number: number): Uint8Array {
  return signRecord(self, kind, encodeCbor({ k: self.noise.publicKey, n: number }));
}

/** Undefined for anything but a well-signed binding. */
export function openBinding(bytes: Uint8Array): Binding | undefined {
  return openBody(bytes, kind, (fields, publicKey) => ({
    publicKey,
    noiseKey: fields.bytes("k", 32),
    number: fields.integer("n", 1, maxCounter),
  }));
}
