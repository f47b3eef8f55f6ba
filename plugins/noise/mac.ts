/**
 * The MACs and keys outside of Noise. mac1 keeps strangers silent: without the network key, or the token key for a
 * join, nobody gets an answer, makes this node do a Diffie-Hellman, or fills any of its memory.
 *
 * WireGuard keys mac1 by the responder's public key alone, which stops nobody who knows that key; here the shared secret
 * goes in as well. BLAKE2s everywhere, keyed or over a label of its own, so that no two uses share a key.
 */
import { blake2s } from "@noble/hashes/blake2.js";
import { concatBytes, equalConstantTime } from "../../core/wire/bytes.ts";
import { macLength, macsLength } from "./wire.ts";

const encoder = new TextEncoder();
const label = (use: string) => encoder.encode(`selvage noise 1 ${use}\0`);
const labels = {
  member: label("mac1 member"),
  join: label("mac1 join"),
  whoIs: label("who-is"),
  iAm: label("i-am"),
} as const;

/** mac1 key of messages between members: `receiver` is the Noise key of whoever is to read the message. */
export function memberMacKey(networkKey: Uint8Array, receiver: Uint8Array): Uint8Array {
  return blake2s(concatBytes(labels.member, receiver), { key: networkKey });
}

/** mac1 key of all three messages of a join. */
export function joinMacKey(tokenKey: Uint8Array): Uint8Array {
  return blake2s(labels.join, { key: tokenKey });
}

export function whoIsMacKey(networkKey: Uint8Array): Uint8Array {
  return blake2s(labels.whoIs, { key: networkKey });
}

/** Seals one answer only: the salt is the answerer's own chance, so no nonce has to be kept unique. */
export function iAmKey(networkKey: Uint8Array, nonce: Uint8Array, salt: Uint8Array): Uint8Array {
  return blake2s(concatBytes(labels.iAm, nonce, salt), { key: networkKey });
}

/** Fills mac1 of a handshake message in place, and returns the message. */
export function signHandshake(message: Uint8Array, key: Uint8Array): Uint8Array {
  return signAt(message, message.length - macsLength, key);
}

/** False also for a message too short to have MACs. */
export function verifyHandshake(message: Uint8Array, key: Uint8Array): boolean {
  return verifyAt(message, message.length - macsLength, key);
}

/** Fills the MAC in the last 16 bytes in place, and returns the message. */
export function signTail(message: Uint8Array, key: Uint8Array): Uint8Array {
  return signAt(message, message.length - macLength, key);
}

export function verifyTail(message: Uint8Array, key: Uint8Array): boolean {
  return verifyAt(message, message.length - macLength, key);
}

function signAt(message: Uint8Array, at: number, key: Uint8Array): Uint8Array {
  message.set(mac(message.subarray(0, at), key), at);
  return message;
}

function verifyAt(message: Uint8Array, at: number, key: Uint8Array): boolean {
  if (at < 0) return false;
  return equalConstantTime(message.subarray(at, at + macLength), mac(message.subarray(0, at), key));
}

function mac(bytes: Uint8Array, key: Uint8Array): Uint8Array {
  return blake2s(bytes, { key, dkLen: macLength });
}
