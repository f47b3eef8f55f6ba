/**
 * Lower-case hexadecimal, one text per value. `Uint8Array.prototype.toHex` would serve but is missing in Node 24,
 * and its counterpart `fromHex` takes both cases, so two texts would name one value.
 */

import { asciiCodes, asciiText } from "./ascii.ts";

const digits = asciiCodes("0123456789abcdef");
const form = /^(?:[0-9a-f]{2})*$/;

/** Two lower-case digits per byte. */
export function encodeHex(bytes: Uint8Array): string {
  // Not one character after the other: a text that is put together keeps what it was put together of.
  const codes: number[] = [];
  for (const byte of bytes) codes.push(digits[byte >>> 4]!, digits[byte & 15]!);
  return asciiText(codes);
}

/** The bytes of `text`; undefined for an odd length and for anything but 0-9 and a-f. */
export function decodeHex(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!form.test(text)) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = 16 * valueAt(text, 2 * i) + valueAt(text, 2 * i + 1);
  return bytes;
}

/** Of one digit: those above 9 begin 39 places after it. */
function valueAt(text: string, at: number): number {
  const value = text.charCodeAt(at) - 48;
  return value > 9 ? value - 39 : value;
}
