/**
 * The two messages in clear framing that come before any record, network byte order.
 *
 *     initiation  | magic (4) | version (1) | type 1 (1) | length (2) | key id (8) | Noise message (length) | mac1 (16) |
 *     response    | magic (4) | version (1) | type 2 (1) | length (2) | Noise message (length) |
 *
 * A stranger is found out at its first wrong byte: what has come so far is compared, however little it is.
 */
import { blake2s } from "@noble/hashes/blake2.js";
import { concatBytes, copyBytes, equalConstantTime } from "../../core/wire/bytes.ts";
import { readU16, writeU16, writeU32 } from "../../core/wire/field.ts";
import { protocol } from "./constants.ts";

export const macLength = 16;
const keyIdLength = 8;
const prefixLength = 8;

const HelloType = { initiation: 1, response: 2 } as const;

/** What begins every message of the type, up to the length. */
function opening(type: number): Uint8Array {
  const bytes = new Uint8Array(prefixLength - 2);
  writeU32(bytes, 0, protocol.magic);
  bytes[4] = protocol.version;
  bytes[5] = type;
  return bytes;
}

const openings = { initiation: opening(HelloType.initiation), response: opening(HelloType.response) };

export interface Initiation {
  readonly keyId: Uint8Array;
  readonly noise: Uint8Array;
  /** The whole message. */
  readonly bytes: Uint8Array;
}

/** What `bytes` begin with: a message and its length, `more` when they may still become one, or neither. */
export type Reading<T> = { readonly message: T; readonly length: number } | "more" | "alien" | "bad";

/** `macKey` is {@link streamMacKey} of the receiver. */
export function encodeInitiation(keyId: Uint8Array, noise: Uint8Array, macKey: Uint8Array): Uint8Array {
  const message = concatBytes(prefix(openings.initiation, noise), keyId, noise, new Uint8Array(macLength));
  message.set(mac(message, macKey), message.length - macLength);
  return message;
}

export function encodeResponse(noise: Uint8Array): Uint8Array {
  return concatBytes(prefix(openings.response, noise), noise);
}

function prefix(opening: Uint8Array, noise: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(prefixLength);
  bytes.set(opening);
  writeU16(bytes, opening.length, noise.length);
  return bytes;
}

export function readInitiation(bytes: Uint8Array): Reading<Initiation> {
  const read = readPrefix(openings.initiation, bytes);
  if (typeof read !== "number") return read;
  const at = prefixLength + keyIdLength;
  const length = at + read + macLength;
  if (bytes.length < length) return "more";
  const noise = copyBytes(bytes, at, at + read);
  const keyId = copyBytes(bytes, prefixLength, at);
  return { message: { keyId, noise, bytes: copyBytes(bytes, 0, length) }, length };
}

/** The Noise message of a response. */
export function readResponse(bytes: Uint8Array): Reading<Uint8Array> {
  const read = readPrefix(openings.response, bytes);
  if (typeof read !== "number") return read;
  const length = prefixLength + read;
  return bytes.length < length ? "more" : { message: copyBytes(bytes, prefixLength, length), length };
}

/** The key id, as soon as it is there: a stranger's is known before its message is whole. */
export function readKeyId(bytes: Uint8Array): Uint8Array | undefined {
  return bytes.length < prefixLength + keyIdLength
    ? undefined
    : bytes.subarray(prefixLength, prefixLength + keyIdLength);
}

function readPrefix(opening: Uint8Array, bytes: Uint8Array): number | "more" | "alien" | "bad" {
  const known = Math.min(bytes.length, opening.length);
  for (let i = 0; i < known; i++) if (bytes[i] !== opening[i]) return "alien";
  if (bytes.length < prefixLength) return "more";
  const length = readU16(bytes, opening.length);
  return length > 0 && length <= protocol.handshakeLength ? length : "bad";
}

export function verifyInitiation({ bytes }: Initiation, macKey: Uint8Array): boolean {
  return equalConstantTime(bytes.subarray(bytes.length - macLength), mac(bytes, macKey));
}

function mac(message: Uint8Array, key: Uint8Array): Uint8Array {
  return blake2s(message.subarray(0, message.length - macLength), { key, dkLen: macLength });
}
