/**
 * Base32 of RFC 4648 §6 in lower case and without padding: names of peers, fit for DNS labels and file names.
 * One text per value: a decoder that also takes upper case, padding or loose trailing bits gives one peer many names.
 */

import { asciiCodes, asciiText } from "./ascii.ts";

const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
const characters = asciiCodes(alphabet);
const form = /^[a-z2-7]*$/;

/** 8 characters per 5 bytes; the last group is as short as its bytes allow. */
export function encodeBase32(bytes: Uint8Array): string {
  const codes: number[] = [];
  let pending = 0;
  let bits = 0;
  for (const byte of bytes) {
    pending = ((pending & 31) << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) codes.push(characters[(pending >>> (bits - 5)) & 31]!);
  }
  if (bits > 0) codes.push(characters[(pending << (5 - bits)) & 31]!);
  return asciiText(codes);
}

/**
 * The bytes of `text`, or undefined: a character outside `a-z2-7`, a length no encoder makes (1, 3 or 6 characters
 * in the last group of 8), or set bits after the last whole byte (RFC 4648 §3.5).
 */
export function decodeBase32(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!form.test(text)) return undefined;
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8));
  let pending = 0;
  let bits = 0;
  let length = 0;
  for (const character of text) {
    pending = ((pending << 5) | alphabet.indexOf(character)) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes[length++] = pending >>> bits;
  }
  const spare = pending & ((1 << bits) - 1);
  return bits >= 5 || spare !== 0 ? undefined : bytes;
}
