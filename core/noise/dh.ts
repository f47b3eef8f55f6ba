/**
 * The `25519` DH functions (Noise revision 34, §4.1 and §12.1; RFC 7748).
 *
 * A public key of low order makes the shared secret all zeros whatever the other side's secret is. §12.1 lets
 * an implementation compute on with the zeros or signal an error; here such a key is refused where it
 * arrives. Rejected: leaving it to the DH itself. An ephemeral key arrives in one message and is often used
 * only when the next one is written (`XX`), so a stranger's bytes would make a local write fail; and the
 * ladder would have run for nothing.
 */
import { x25519 } from "@noble/curves/ed25519.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import type { Random } from "../contracts/host.ts";

/** DHLEN: bytes of a public key, a secret key and a shared secret. */
export const dhLength = 32;

/** An X25519 pair, 32 bytes each, in the encoding of RFC 7748 §5. */
export interface KeyPair {
  readonly publicKey: Uint8Array;
  readonly secretKey: Uint8Array;
}

/**
 * The function X25519 (RFC 7748 §5): 32 bytes of a secret key, which is clamped inside, and 32 of a u-coordinate; gives
 * 32 bytes in fresh memory. It need not check its inputs.
 */
export type X25519 = (secretKey: Uint8Array, u: Uint8Array) => Uint8Array;

/** The u-coordinate of the base point (RFC 7748 §4.1). */
const basePoint = Uint8Array.of(9, ...new Uint8Array(dhLength - 1));

/**
 * A new pair from 32 bytes of `random`, by `curve` if one is given. The secret is in fresh memory; whoever holds the pair
 * wipes it.
 */
export function generateKeyPair(random: Random, curve?: X25519): KeyPair {
  const secretKey = new Uint8Array(dhLength);
  random.fill(secretKey);
  return curve === undefined ? keyPairOf(secretKey) : { publicKey: curve(secretKey, basePoint), secretKey };
}

/** The pair of a secret key, which is kept by reference. A secret of another length throws. */
export function keyPairOf(secretKey: Uint8Array): KeyPair {
  return { publicKey: x25519.getPublicKey(secretKey), secretKey };
}

/** The shared secret in fresh memory, or undefined when it would be all zeros. */
export function diffieHellman(
  secretKey: Uint8Array,
  publicKey: Uint8Array,
  curve: X25519 = x25519.getSharedSecret,
): Uint8Array | undefined {
  return isUsablePublicKey(publicKey) ? curve(secretKey, publicKey) : undefined;
}

/**
 * True for 32 bytes that are not a point of low order. To be asked of every static key that others state (in
 * a handshake this engine asks itself): a handshake with a key that fails is refused.
 */
export function isUsablePublicKey(publicKey: Uint8Array): boolean {
  if (publicKey.length !== dhLength) return false;
  const masked = publicKey.slice();
  masked[dhLength - 1]! &= 0x7f; // RFC 7748 §5: the top bit is ignored, so each point has two spellings
  return !lowOrder.has(bytesToHex(masked));
}

/** All little-endian u-coordinates below 2^255 whose order divides the cofactor 8. With p = 2^255 − 19: */
const lowOrder: ReadonlySet<string> = new Set([
  "0000000000000000000000000000000000000000000000000000000000000000", // 0, order 2
  "0100000000000000000000000000000000000000000000000000000000000000", // 1, order 4 (on the twist)
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800", // order 8
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157", // order 8
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p − 1, order 4
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p, another spelling of 0
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p + 1, another spelling of 1
]);
