/**
 * Lower-case hexadecimal, one text per value. `Uint8Array.prototype.toHex` would serve but is missing in Node 24,
 * and its counterpart `fromHex` takes both cases, so two texts would name one value.
 */

const digits = "0123456789abcdef";
const form = /^(?:[0-9a-f]{2})*$/;

/** Two lower-case digits per byte. */
export function encodeHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += digits[byte >>> 4]! + digits[byte & 15]!;
  return text;
}

/** The bytes of `text`; undefined for an odd length and for anything but 0-9 and a-f. */
export function decodeHex(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!form.test(text)) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}
