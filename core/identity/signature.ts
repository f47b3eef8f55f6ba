/**
 * Whether a signature holds: strict Ed25519 (RFC 8032), with the same answer on every node.
 *
 * Strict: the scalar and both points in their only encoding, no key of small order. The lax rules (ZIP 215) give one
 * message several signatures that anybody can make from the first, and whatever is told apart by hash, a revocation
 * list for one, then has a way around it.
 *
 * The platform's library checks some fifteen times as fast as the portable one, and differs from it, and from other
 * libraries, at the edges: which encodings it takes, whether it refuses keys of small order, whether the equation is
 * multiplied by the cofactor 8. A record that one node takes and another one refuses is never agreed on, so the
 * platform's yes counts only where no two libraries differ, and its no never:
 *
 * - Where key and nonce point are canonical and of no small order, and the scalar is below the order of the group, the
 *   strict rules ask nothing but the equation 8·S·B = 8·R + 8·k·A. Who checks S·B = R + k·A, or that same one, says yes
 *   to nothing else.
 * - All other signatures are judged by the portable implementation: forged and damaged ones, and those of somebody who
 *   looks for the edges. They cost what every signature would cost without the platform.
 *
 * Rejected: the narrower set of the platform, S·B = R + k·A. Whoever has only the portable implementation, or an older
 * version of this program, takes more, and a single member who signs with a point of order 8 in it would part them.
 */
import { ed25519 } from "@noble/curves/ed25519.js";
import { copyBytes } from "../wire/bytes.ts";
import { decodeHex, encodeHex } from "../wire/hex.ts";

/** Of a key of 32 bytes, a message and a signature of 64; false also where it cannot read them. */
export type SignatureCheck = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;

/** Of the process, not of a node: the answers are those of the portable implementation, so nobody can tell. */
let quickCheck: SignatureCheck | undefined;

/**
 * From now on `check` is asked first. It must say yes to nothing that the equation refuses; one that fails a known
 * signature, or takes a changed one, is left out, and the answer is false.
 */
export function quickenSignatures(check: SignatureCheck): boolean {
  if (!isSound(check)) return false;
  quickCheck = check;
  return true;
}

/** Throws nothing: what has another length or is no point does not hold. */
export function verifySignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  if (quickCheck !== undefined && isPlain(publicKey, signature)) {
    if (quickCheck(publicKey, message, signature)) return true;
  }
  return verifyPortably(publicKey, message, signature);
}

/** The reference; arguments of the right lengths. */
export function verifyPortably(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  return ed25519.verify(signature, message, publicKey, { zip215: false });
}

/** Whether all implementations that read these points agree on them. */
function isPlain(publicKey: Uint8Array, signature: Uint8Array): boolean {
  return isPlainPoint(publicKey) && isPlainPoint(signature.subarray(0, 32)) &&
    isBelow(signature.subarray(32), order);
}

function isPlainPoint(encoded: Uint8Array): boolean {
  const y = copyBytes(encoded);
  y[31]! &= 0x7f; // the sign of x
  return isBelow(y, prime) && !smallOrder.has(encodeHex(y));
}

/** Numbers of 32 bytes, little-endian. */
function isBelow(number: Uint8Array, bound: Uint8Array): boolean {
  for (let i = 31; i >= 0; i--) {
    if (number[i] !== bound[i]) return number[i]! < bound[i]!;
  }
  return false;
}

function isSound(check: SignatureCheck): boolean {
  try {
    const { publicKey, message, signature } = known;
    const changed = signature.map((byte, i) => (i === 40 ? byte ^ 1 : byte));
    return check(publicKey, message, signature) && !check(publicKey, message, changed) &&
      !check(publicKey, Uint8Array.of(0x73), signature);
  } catch {
    return false;
  }
}

/** 2^255 − 19. */
const prime = decodeHex("ed" + "ff".repeat(30) + "7f")!;
/** 2^252 + 27742317777372353535851937790883648493, the order of the base point. */
const order = decodeHex("edd3f55c1a631258d69cf7a2def9de14" + "00".repeat(15) + "10")!;

/** The y below 2^255 − 19 of all points whose order divides 8. */
const smallOrder: ReadonlySet<string> = new Set([
  "0000000000000000000000000000000000000000000000000000000000000000", // 0, order 4
  "0100000000000000000000000000000000000000000000000000000000000000", // 1, the neutral point
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // −1, order 2
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", // order 8
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", // order 8
]);

/** RFC 8032 §7.1, test 2. */
const known = {
  publicKey: decodeHex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")!,
  message: Uint8Array.of(0x72),
  signature: decodeHex(
    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  )!,
};
