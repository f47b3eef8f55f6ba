/**
 * Layout of all messages: bytes ⇄ fields, without keys and without memory. Numbers are big-endian. A decoder checks
 * length and reserved bits, returns views into the datagram, and undefined for anything else; it never throws.
 *
 * Every message begins alike:
 *
 *     0                   1                   2                   3
 *     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |     Type      |  Version = 1  |     Flags     | Reserved = 0  |
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * Flags are zero but for bit 0 of transport data and of relayed messages, passed on once already, and for notes, which have
 * a hint there.
 *
 * Beside them, between peers that have agreed on it, a datagram may be a GRE packet as it is (RFC 8086), whose first byte no
 * message has: 0x00, or 0x20 with a key.
 */
import { Drop } from "../../core/contracts/drop.ts";
import type { TokenReference } from "../../core/contracts/membership.ts";
import { readU32, readU64, writeU32, writeU64 } from "../../core/wire/field.ts";

export const MessageType = {
  initiation: 1,
  response: 2,
  /** The three messages of a join handshake. */
  knock: 3,
  admit: 4,
  plea: 5,
  data: 6,
  keepalive: 7,
  whoIs: 8,
  iAm: 9,
  unknownIndex: 10,
  close: 11,
  joinAnswer: 12,
  joinMissing: 13,
  cookie: 14,
  /** Padding of the size that is asked for, and its answer. */
  probe: 15,
  probed: 16,
  part: 17,
  relay: 18,
  note: 19,
} as const;
export type MessageType = (typeof MessageType)[keyof typeof MessageType];

export const version = 1;
export const headerLength = 4;
export const transportHeaderLength = 16;
export const tagLength = 16;
/** What a transport message has beside its plaintext. */
export const transportOverhead: number = transportHeaderLength + tagLength;
export const macLength = 16;
/** mac1 and mac2. */
export const macsLength = 2 * macLength;

/** Flag of transport data, and of what comes from a relay. */
export const forwardedFlag = 1;

/** Whether a datagram begins as a GRE packet does that is none of the messages: without checksum and sequence number. */
export function isPlain(datagram: Uint8Array): boolean {
  return datagram.length > 0 && (datagram[0]! & ~plainKeyBit) === 0;
}

const plainKeyBit = 0x20;

/** The type of a message, or why it cannot be one. */
export function readType(datagram: Uint8Array): { readonly type: number } | Drop {
  if (datagram.length < headerLength) return Drop.malformed;
  if (datagram[1] !== version) return Drop.unsupported;
  if ((datagram[2]! & ~flagsOf(datagram[0]!)) !== 0 || datagram[3] !== 0) return Drop.malformed;
  return { type: datagram[0]! };
}

/** Bits that may be set. */
function flagsOf(type: number): number {
  if (type === MessageType.note) return 0xff;
  return type === MessageType.data || type === MessageType.relay ? forwardedFlag : 0;
}

function start(type: MessageType, length: number, flags = 0): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(length);
  message[0] = type;
  message[1] = version;
  message[2] = flags;
  return message;
}

/**
 * Handshake messages have a fixed part, one Noise handshake message, and two MACs. mac1 covers the first 64 bytes and is
 * keyed by what only members or holders of the token know. mac2 covers mac1 and is keyed by a cookie; it is zero when
 * the sender has none, and in replies, which never need one: they name an index that the receiver waits for.
 *
 *    +-------------------------------+-------------------------------+
 *    |         Header (4)            |       Sender index (4)        |
 *    +-------------------------------+-------------------------------+
 *    |  initiation: network key id (8)                               |
 *    |  response, admit, plea: receiver index (4)                    |
 *    |  knock: token id (16), expiry in seconds since 1970 (8)       |
 *    +---------------------------------------------------------------+
 *    |  Noise handshake message                                      |
 *    +-------------------------------+-------------------------------+
 *    |          mac1 (16)            |           mac2 (16)           |
 *    +-------------------------------+-------------------------------+
 */
export interface HandshakeMessage {
  readonly sender: number;
  /** Noise handshake message. */
  readonly noise: Uint8Array;
}

export interface Initiation extends HandshakeMessage {
  readonly keyId: Uint8Array;
}

export interface Knock extends HandshakeMessage {
  readonly token: TokenReference;
}

/** Response, admit and plea. */
export interface Reply extends HandshakeMessage {
  readonly receiver: number;
}

export const keyIdLength = 8;
export const tokenIdLength = 16;
const initiationFields = headerLength + 4 + keyIdLength;
const knockFields = headerLength + 4 + tokenIdLength + 8;
const replyFields = headerLength + 4 + 4;

/** Bytes of a message besides its Noise message. */
export const handshakeOverhead = {
  initiation: initiationFields + macsLength,
  knock: knockFields + macsLength,
  reply: replyFields + macsLength,
} as const;

/** The message with both MACs still zero. */
export function encodeInitiation({ sender, keyId, noise }: Initiation): Uint8Array {
  const message = start(MessageType.initiation, initiationFields + noise.length + macsLength);
  writeU32(message, 4, sender);
  message.set(keyId, 8);
  message.set(noise, initiationFields);
  return message;
}

export function decodeInitiation(datagram: Uint8Array): Initiation | undefined {
  const noise = noisePart(datagram, initiationFields);
  return noise && { sender: readU32(datagram, 4), keyId: datagram.subarray(8, initiationFields), noise };
}

/** The message with both MACs still zero. `expires` is a whole number below 2^53. */
export function encodeKnock({ sender, token, noise }: Knock): Uint8Array {
  const message = start(MessageType.knock, knockFields + noise.length + macsLength);
  writeU32(message, 4, sender);
  message.set(token.id, 8);
  writeU64(message, 8 + tokenIdLength, token.expires);
  message.set(noise, knockFields);
  return message;
}

export function decodeKnock(datagram: Uint8Array): Knock | undefined {
  const noise = noisePart(datagram, knockFields);
  const expires = readU64(datagram, 8 + tokenIdLength);
  if (noise === undefined || !Number.isSafeInteger(expires)) return undefined;
  return {
    sender: readU32(datagram, 4),
    token: { id: datagram.subarray(8, 8 + tokenIdLength), expires },
    noise,
  };
}

/** The message with both MACs still zero. */
export function encodeReply(
  type: typeof MessageType.response | typeof MessageType.admit | typeof MessageType.plea,
  { sender, receiver, noise }: Reply,
): Uint8Array {
  const message = start(type, replyFields + noise.length + macsLength);
  writeU32(message, 4, sender);
  writeU32(message, 8, receiver);
  message.set(noise, replyFields);
  return message;
}

export function decodeReply(datagram: Uint8Array): Reply | undefined {
  const noise = noisePart(datagram, replyFields);
  if (noise === undefined || hasMac2(datagram)) return undefined;
  return { sender: readU32(datagram, 4), receiver: readU32(datagram, 8), noise };
}

/** What is between the fixed part and the MACs. */
function noisePart(datagram: Uint8Array, fields: number): Uint8Array | undefined {
  const end = datagram.length - macsLength;
  return end < fields ? undefined : datagram.subarray(fields, end);
}

/** The last three are for messages long enough to have MACs. */
export function readMac1(message: Uint8Array): Uint8Array {
  return message.subarray(message.length - macsLength, message.length - macLength);
}

export function readMac2(message: Uint8Array): Uint8Array {
  return message.subarray(message.length - macLength);
}

export function hasMac2(message: Uint8Array): boolean {
  return !isZero(message, message.length - macLength, message.length);
}

function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    if (bytes[i] !== 0) return false;
  }
  return true;
}

/**
 * Everything inside a session (data, keepalive, close, probe, probed, part, relay) and inside a join (join answer, join missing)
 * has one layout.
 * The header is the associated data.
 *
 *    +-------------------------------+-------------------------------+
 *    |         Header (4)            |      Receiver index (4)       |
 *    +-------------------------------+-------------------------------+
 *    |                         Counter (8)                           |
 *    +---------------------------------------------------------------+
 *    |  Ciphertext, tag (16)                                         |
 *    +---------------------------------------------------------------+
 */
export type SealedType =
  | typeof MessageType.data
  | typeof MessageType.keepalive
  | typeof MessageType.close
  | typeof MessageType.probe
  | typeof MessageType.probed
  | typeof MessageType.part
  | typeof MessageType.relay
  | typeof MessageType.joinAnswer
  | typeof MessageType.joinMissing;

/** Writes the 16 bytes of a transport header to the start of `out`. `counter` is below 2^53. */
export function writeTransportHeader(
  out: Uint8Array,
  header: {
    readonly type: SealedType;
    readonly flags: number;
    readonly receiver: number;
    readonly counter: number;
  },
): void {
  out[0] = header.type;
  out[1] = version;
  out[2] = header.flags;
  out[3] = 0;
  writeU32(out, 4, header.receiver);
  writeU64(out, 8, header.counter);
}

/** True when there is room for header and tag; then the fields below can be read. */
export function isTransport(datagram: Uint8Array): boolean {
  return datagram.length >= transportHeaderLength + tagLength;
}

export function readReceiver(datagram: Uint8Array): number {
  return readU32(datagram, 4);
}

/** Not a safe integer when the peer sent one of 2^53 or more. */
export function readCounter(datagram: Uint8Array): number {
  return readU64(datagram, 8);
}

export function isForwarded(datagram: Uint8Array): boolean {
  return (datagram[2]! & forwardedFlag) !== 0;
}

/**
 * Who is there? Asked at a bare address, by members only, since the MAC is keyed by the network key. Padded, so that no
 * answer is longer.
 *
 *    | Header (4) | Network key id (8) | Nonce (16) | zeros (52) | MAC (16) |
 */
export interface WhoIs {
  readonly keyId: Uint8Array;
  readonly nonce: Uint8Array;
}

export const nonceLength = 16;
export const noiseKeyLength = 32;

/** The message with its MAC, the last 16 bytes, still zero. */
export function encodeWhoIs({ keyId, nonce }: WhoIs, length: number): Uint8Array {
  const message = start(MessageType.whoIs, length);
  message.set(keyId, headerLength);
  message.set(nonce, headerLength + keyIdLength);
  return message;
}

export function decodeWhoIs(datagram: Uint8Array, length: number): WhoIs | undefined {
  const nonceAt = headerLength + keyIdLength;
  const nonceEnd = nonceAt + nonceLength;
  if (datagram.length !== length || !isZero(datagram, nonceEnd, length - macLength)) return undefined;
  return { keyId: datagram.subarray(headerLength, nonceAt), nonce: datagram.subarray(nonceAt, nonceEnd) };
}

/**
 * The answer: the Noise key of whoever answers, sealed under a key made for this one answer of network key, nonce and
 * salt. All before the ciphertext is the associated data.
 *
 *    | Header (4) | Nonce (16) | Salt (16) | sealed Noise key (32), tag (16) |
 */
export interface IAm {
  readonly nonce: Uint8Array;
  readonly salt: Uint8Array;
  readonly sealed: Uint8Array;
}

const iAmFields = headerLength + 2 * nonceLength;
export const iAmLength = iAmFields + noiseKeyLength + tagLength;

/** Header, nonce and salt: what the answer's tag covers besides the key. */
export function encodeIAmFields(nonce: Uint8Array, salt: Uint8Array): Uint8Array {
  const fields = start(MessageType.iAm, iAmFields);
  fields.set(nonce, headerLength);
  fields.set(salt, headerLength + nonceLength);
  return fields;
}

export function decodeIAm(datagram: Uint8Array): IAm | undefined {
  if (datagram.length !== iAmLength) return undefined;
  return {
    nonce: datagram.subarray(headerLength, headerLength + nonceLength),
    salt: datagram.subarray(headerLength + nonceLength, iAmFields),
    sealed: datagram.subarray(iAmFields),
  };
}

/**
 * "That receiver index is no session of mine": the header fields of the datagram that had it come back, so that only
 * whoever saw that datagram can make one up.
 *
 *    | Header (4) | Receiver index (4) | Counter (8) |
 */
export interface UnknownIndex {
  readonly receiver: number;
  readonly counter: number;
}

/** Answers a transport message. */
export function encodeUnknownIndex(datagram: Uint8Array): Uint8Array {
  const message = start(MessageType.unknownIndex, transportHeaderLength);
  message.set(datagram.subarray(4, transportHeaderLength), 4);
  return message;
}

export function decodeUnknownIndex(datagram: Uint8Array): UnknownIndex | undefined {
  if (datagram.length !== transportHeaderLength) return undefined;
  return { receiver: readReceiver(datagram), counter: readCounter(datagram) };
}

/**
 * "I am under load: send that again with mac2." The cookie is sealed, with mac1 of the message it answers as associated
 * data.
 *
 *    | Header (4) | Receiver index (4) | Nonce (24) | sealed cookie (16), tag (16) |
 */
export interface Cookie {
  readonly receiver: number;
  readonly nonce: Uint8Array;
  readonly sealed: Uint8Array;
}

export const cookieNonceLength = 24;
const cookieFields = headerLength + 4 + cookieNonceLength;
export const cookieLength = cookieFields + macLength + tagLength;

export function encodeCookie({ receiver, nonce, sealed }: Cookie): Uint8Array {
  const message = start(MessageType.cookie, cookieLength);
  writeU32(message, 4, receiver);
  message.set(nonce, headerLength + 4);
  message.set(sealed, cookieFields);
  return message;
}

export function decodeCookie(datagram: Uint8Array): Cookie | undefined {
  if (datagram.length !== cookieLength) return undefined;
  return {
    receiver: readReceiver(datagram),
    nonce: datagram.subarray(headerLength + 4, cookieFields),
    sealed: datagram.subarray(cookieFields),
  };
}
