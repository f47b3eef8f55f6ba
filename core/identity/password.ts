/**
 * Joining by password: a token whose secret comes out of scrypt (RFC 7914) instead of the network key, so that hosts
 * that only share a configuration file can meet. Its reference derives from the network name and never expires.
 *
 * Who stands between two handshakes can guess at leisure afterwards, so a guess must be dear (64 MiB each) and the
 * password worth at least 60 bits: a million guesses a second, with terabytes of memory in use at any moment, then
 * take 18,000 years on average.
 */
import { scrypt } from "@noble/hashes/scrypt.js";
import { MeshError } from "../contracts/errors.ts";
import type { TokenReference } from "../contracts/membership.ts";
import { concatBytes } from "../wire/bytes.ts";
import { domainBytes, domainHash } from "./domain.ts";
import { networkKeyBytes, tokenIdBytes } from "./network_key.ts";
import { Secret } from "./secret.ts";

/** An expiry that no clock reaches: 2^48 − 1 seconds, some nine million years. */
export const neverExpires = 0xffff_ffff_ffff;
/** What {@link passwordBits} must reach unless the operator insists. */
export const minPasswordBits = 60;

/** 128 · N · r bytes of memory: 64 MiB. */
const cost = { N: 2 ** 16, r: 8, p: 1, dkLen: networkKeyBytes };
const encoder = new TextEncoder();

/**
 * 32 bytes, the same for everybody with this password and network name. Takes about a second and 64 MiB. The password
 * is composed first (Unicode NFC, RFC 8265 §4.2.2): keyboards of different systems send different bytes for one ü.
 */
export function passwordKey(password: string, networkName: string): Secret {
  const salt = concatBytes(domainBytes("password 1"), encoder.encode(networkName));
  return new Secret(scrypt(encoder.encode(password.normalize("NFC")), salt, cost));
}

/** What a knock with a password says in clear: it names the network, not the password. */
export function passwordTokenReference(networkName: string): TokenReference {
  const id = domainHash("password token id 1", tokenIdBytes, encoder.encode(networkName));
  return { id, expires: neverExpires };
}

/** Throws INVALID_ARGUMENT for a password that is empty, or guessed too easily while `force` is false. */
export function assertStrongPassword(password: string, force: boolean): void {
  if (password === "") {
    throw new MeshError(
      "INVALID_ARGUMENT",
      "Cannot use an empty password: leave it out to use tokens instead",
    );
  }
  const bits = Math.floor(passwordBits(password));
  if (force || bits >= minPasswordBits) return;
  throw new MeshError(
    "INVALID_ARGUMENT",
    `Cannot use this password: it is worth about ${bits} bits and ${minPasswordBits} are wanted; ` +
      "take 16 random characters, or insist with --force",
    { details: { bits, wanted: minPasswordBits } },
  );
}

const classes: readonly (readonly [form: RegExp, size: number])[] = [
  [/^[a-z]$/, 26],
  [/^[A-Z]$/, 26],
  [/^[0-9]$/, 10],
  [/^[ -~]$/, 33],
];
/** Everything beyond ASCII: as if it were one more keyboard. */
const otherClass = 64;
const keyboardRows = ["qwertyuiop", "asdfghjkl", "zxcvbnm", "1234567890"];
const predictableBits = 1;

/**
 * A low estimate of a password's worth in bits: length times character set, where
 * - a character counts log2 of the size of its own class only (26, 26, 10, 33), for it is no surprise that the capital
 *   comes first and the digits last;
 * - a character counts 1 bit when it repeats or continues the one before it (`aa`, `ab`, `21`, neighbours in a row of
 *   the keyboard), or when the two of them stood together before (`abcabc`).
 *
 * It knows no dictionary: a phrase of common words is worth about half of what it says.
 */
export function passwordBits(password: string): number {
  const seen = new Set<string>();
  let previous = "";
  let bits = 0;
  for (const character of password.normalize("NFC")) {
    const pair = previous + character;
    bits += seen.has(pair) || isNextTo(previous, character)
      ? predictableBits
      : Math.log2(classSize(character));
    if (previous !== "") seen.add(pair);
    previous = character;
  }
  return bits;
}

function classSize(character: string): number {
  return classes.find(([form]) => form.test(character))?.[1] ?? otherClass;
}

function isNextTo(previous: string, character: string): boolean {
  if (previous === "") return false;
  const [left, right] = [previous.toLowerCase(), character.toLowerCase()];
  if (Math.abs(left.codePointAt(0)! - right.codePointAt(0)!) <= 1) return true;
  return keyboardRows.some((row) => row.includes(left + right) || row.includes(right + left));
}
