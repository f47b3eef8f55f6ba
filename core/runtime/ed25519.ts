/**
 * Ed25519 by the platform: OpenSSL under Node, its own library under Deno. Only checks: a node signs once where a mesh
 * checks a thousand times, and the secret key stays in memory that the program wipes.
 */
import { Buffer } from "node:buffer";
import { createPublicKey, verify } from "node:crypto";
import { decodeHex } from "../wire/hex.ts";

/** What stands before the 32 bytes of a key in DER (RFC 8410 §4). */
const keyHead = decodeHex("302a300506032b6570032100")!;

/**
 * Whether the signature of 64 bytes holds for a key of 32, as this platform sees it; false for what it cannot read.
 * Platforms differ in keys and points that are encoded otherwise than usual, or of small order: whoever needs the same
 * answer everywhere asks about others only.
 */
export function platformVerifies(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  try {
    const key = createPublicKey({ key: Buffer.concat([keyHead, publicKey]), format: "der", type: "spki" });
    return verify(null, message, key, signature);
  } catch {
    return false;
  }
}
