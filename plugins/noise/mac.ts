/**
 * The MACs and keys outside of Noise. mac1 keeps strangers silent: without the network key, or the token key for a
 * join, nobody gets an answer, makes this node do a Diffie-Hellman, or fills any of its memory.
 *
 * WireGuard keys mac1 by the responder's public key alone, which stops nobody who knows that key; here the shared secret
 * goes in as well. BLAKE2s everywhere, keyed or over a label of its own, so that no two uses share a key.
 *
 * mac1 covers the first 64 bytes of a message: the fixed part and the ephemeral key. WireGuard's covers all of it. In
 * JavaScript that costs 25 to 50 µs for an initiation of 1,232 bytes, more than a whole core at 50,000 a second; one
 * BLAKE2s block under a prepared key costs a tenth. What it gives away is little: all behind the ephemeral key is sealed
 * by Noise and fails there; in a knock, whose payload is sealed under a key that anybody can compute (Noise §9.2), it is
 * bound by the handshake hash and fails at the joiner. Whoever alters it makes this node do the work of one handshake, as
 * he does with a message that he only repeats: then the gate knows its mac1. A fast universal hash of the whole under
 * BLAKE2s (Poly1305: 7 to 20 µs) was rejected: it buys a check that Noise makes anyway.
 *
 * mac2 covers mac1, and through it the same bytes.
 */
import { blake2s } from "@noble/hashes/blake2.js";
import { concatBytes, equalConstantTime } from "../../core/wire/bytes.ts";
import { macLength, macsLength, readMac1 } from "./wire.ts";

const encoder = new TextEncoder();
const label = (use: string) => encoder.encode(`selvage noise 1 ${use}\0`);
const labels = {
  member: label("mac1 member"),
  join: label("mac1 join"),
  memberCookie: label("cookie member"),
  joinCookie: label("cookie join"),
  whoIs: label("who-is"),
  iAm: label("i-am"),
} as const;

/** One block of BLAKE2s. */
const covered = 64;

/** Keys of the messages that a receiver gets, and of the cookies it answers with. */
export interface ReceiverKeys {
  /** 32 bytes each. */
  readonly mac1: Uint8Array;
  readonly cookie: Uint8Array;
}

/** Between members: `receiver` is the Noise key of whoever is to read the message. */
export function memberKeys(networkKey: Uint8Array, receiver: Uint8Array): ReceiverKeys {
  return {
    mac1: memberMacKey(networkKey, receiver),
    cookie: blake2s(concatBytes(labels.memberCookie, receiver), { key: networkKey }),
  };
}

export function memberMacKey(networkKey: Uint8Array, receiver: Uint8Array): Uint8Array {
  return blake2s(concatBytes(labels.member, receiver), { key: networkKey });
}

/** All three messages of a join. */
export function joinKeys(tokenKey: Uint8Array): ReceiverKeys {
  return {
    mac1: blake2s(labels.join, { key: tokenKey }),
    cookie: blake2s(labels.joinCookie, { key: tokenKey }),
  };
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
  message.set(mac(coveredBy(message), key), message.length - macsLength);
  return message;
}

/** False also for a message too short to have MACs. */
export function verifyHandshake(message: Uint8Array, key: Uint8Array): boolean {
  if (message.length < macsLength) return false;
  return equalConstantTime(readMac1(message), mac(coveredBy(message), key));
}

/** mac2 of a message that has its mac1. */
export function mac2Of(message: Uint8Array, cookie: Uint8Array): Uint8Array {
  return mac(readMac1(message), cookie);
}

/** Fills the MAC in the last 16 bytes in place, and returns the message. */
export function signTail(message: Uint8Array, key: Uint8Array): Uint8Array {
  const at = message.length - macLength;
  message.set(mac(message.subarray(0, at), key), at);
  return message;
}

/** 16 bytes of BLAKE2s under a key that is prepared once: half the work for one block. */
export class PreparedMac {
  readonly #keyed: ReturnType<typeof blake2s.create>;
  readonly #scratch: ReturnType<typeof blake2s.create>;
  readonly #out = new Uint8Array(macLength);

  constructor(key: Uint8Array) {
    this.#keyed = blake2s.create({ key, dkLen: macLength });
    this.#scratch = this.#keyed.clone();
  }

  /** In memory that the next call overwrites. */
  of(bytes: Uint8Array): Uint8Array {
    const hash = this.#keyed._cloneInto(this.#scratch);
    hash.update(bytes);
    hash.digestInto(this.#out);
    return this.#out;
  }

  /** Whether mac1 of a handshake message is right, as {@link verifyHandshake}. */
  verifiesHandshake(message: Uint8Array): boolean {
    return message.length >= macsLength && equalConstantTime(readMac1(message), this.of(coveredBy(message)));
  }

  /** Whether the last 16 bytes are the MAC of all before them. */
  verifiesTail(message: Uint8Array): boolean {
    const at = message.length - macLength;
    return at >= 0 && equalConstantTime(message.subarray(at), this.of(message.subarray(0, at)));
  }
}

function coveredBy(message: Uint8Array): Uint8Array {
  return message.subarray(0, Math.min(covered, message.length - macsLength));
}

function mac(bytes: Uint8Array, key: Uint8Array): Uint8Array {
  return blake2s(bytes, { key, dkLen: macLength });
}
