/**
 * Domain separation: every hash and signature begins with a text that names its purpose, so that bytes made for one
 * use can never pass for another. The form is `selvage <purpose>` followed by one zero byte; a purpose holds no zero
 * byte, therefore no domain is the beginning of another.
 */
import { blake2s } from "@noble/hashes/blake2.js";

const encoder = new TextEncoder();
/** Of the hashes, a dozen constants: every record that comes is hashed, and to encode the text takes a third as long. */
const hashDomains = new Map<string, Uint8Array>();

export function domainBytes(purpose: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(`selvage ${purpose}\0`);
}

/**
 * BLAKE2s (RFC 7693) of `length` bytes, 1 to 32, over the domain and the parts. All parts but the last have a fixed
 * length, else two lists of parts would have one hash. A purpose is a constant of the program: it is remembered.
 */
export function domainHash(purpose: string, length: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const domain = hashDomains.get(purpose) ?? domainBytes(purpose);
  hashDomains.set(purpose, domain);
  const hash = blake2s.create({ dkLen: length }).update(domain);
  for (const part of parts) hash.update(part);
  return hash.digest();
}
