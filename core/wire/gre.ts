/**
 * Generic Routing Encapsulation: RFC 2784 with the key and sequence number of RFC 2890.
 *
 *     0                   1                   2                   3
 *     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |C| |K|S|       Reserved0         | Ver |    Protocol Type      |
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |      Checksum (if C)          |       Reserved1 (if C)        |
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |                         Key (if K)                            |
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |                   Sequence Number (if S)                      |
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * We send no checksum of our own accord: the UDP checksum or an AEAD covers the payload already. Order of sequence
 * numbers is for a receiver to judge; this module has no memory.
 */
import { Drop } from "../contracts/drop.ts";
import { checksum } from "./checksum.ts";
import { readU16, readU32, writeU16, writeU32 } from "./field.ts";

/** The payloads we speak, by EtherType. */
export const GreProtocol = {
  ipv4: 0x0800,
  ipv6: 0x86dd,
  /** Transparent Ethernet bridging: a whole frame without its FCS. */
  ethernet: 0x6558,
  /** IEEE Std 802 local experimental EtherType 1: control messages between members. */
  control: 0x88b5,
  /** Local experimental EtherType 2: a frame to all that travels a tree, see `broadcast_header.ts`. */
  broadcast: 0x88b6,
} as const;
export type GreProtocol = (typeof GreProtocol)[keyof typeof GreProtocol];

export interface GreHeader {
  readonly protocol: GreProtocol;
  /** 32 bits; absent: no K bit. */
  readonly key?: number | undefined;
  /** 32 bits; absent: no S bit. */
  readonly sequence?: number | undefined;
  /** Whether the C bit is set; what was decoded with it has verified. */
  readonly checksum?: boolean | undefined;
}

export interface GrePacket extends GreHeader {
  /** A view into the packet that was decoded. */
  readonly payload: Uint8Array;
}

const hasChecksum = 0x8000;
const hasKey = 0x2000;
const hasSequence = 0x1000;
/** Bit 1 (routing, RFC 1701), bits 4 and 5, and the version: not zero means a GRE we do not speak (RFC 2784 §2.3). */
const mustBeZero = 0x4c07;
const payloads: ReadonlySet<number> = new Set(Object.values(GreProtocol));

/**
 * The header and payload of `packet`, or why it is dropped: malformed when it is shorter than its flags say,
 * unsupported for another version, an RFC 1701 flag or an unknown payload, badChecksum. Bits 6 to 12 and Reserved1
 * are ignored.
 */
export function decodeGre(packet: Uint8Array): GrePacket | Drop {
  if (packet.length < 4) return Drop.malformed;
  const flags = readU16(packet, 0);
  const protocol = readU16(packet, 2);
  if ((flags & mustBeZero) !== 0 || !isPayload(protocol)) return Drop.unsupported;
  const length = lengthByFlags(flags);
  if (packet.length < length) return Drop.malformed;
  const sealed = (flags & hasChecksum) !== 0;
  if (sealed && checksum(packet, 0, packet.length) !== 0) return Drop.badChecksum;
  return {
    protocol,
    key: (flags & hasKey) === 0 ? undefined : readU32(packet, sealed ? 8 : 4),
    sequence: (flags & hasSequence) === 0 ? undefined : readU32(packet, length - 4),
    checksum: sealed,
    payload: packet.subarray(length),
  };
}

function isPayload(protocol: number): protocol is GreProtocol {
  return payloads.has(protocol);
}

function lengthByFlags(flags: number): number {
  const words = ((flags & hasChecksum) === 0 ? 1 : 2) + ((flags & hasKey) === 0 ? 0 : 1);
  return 4 * (words + ((flags & hasSequence) === 0 ? 0 : 1));
}

/** Bytes of the header: 4 to 16. */
export function greHeaderLength(header: GreHeader): number {
  return lengthByFlags(greFlags(header));
}

function greFlags(header: GreHeader): number {
  return (header.checksum === true ? hasChecksum : 0) |
    (header.key === undefined ? 0 : hasKey) |
    (header.sequence === undefined ? 0 : hasSequence);
}

/**
 * Writes `header` into `out` at `offset`, which has room for {@link greHeaderLength} bytes, and returns that length.
 * The checksum field is left zero until the payload is there: then call {@link sealGreChecksum}. Allocates nothing.
 */
export function writeGreHeader(out: Uint8Array, offset: number, header: GreHeader): number {
  const flags = greFlags(header);
  writeU16(out, offset, flags);
  writeU16(out, offset + 2, header.protocol);
  let at = offset + 4;
  if (header.checksum === true) {
    writeU32(out, at, 0);
    at += 4;
  }
  if (header.key !== undefined) {
    writeU32(out, at, header.key);
    at += 4;
  }
  if (header.sequence !== undefined) writeU32(out, at, header.sequence);
  return lengthByFlags(flags);
}

/** Fills the checksum of the GRE packet from `offset` to `end`, whose header has the C bit and a zero checksum. */
export function sealGreChecksum(out: Uint8Array, offset: number, end: number): void {
  writeU16(out, offset + 4, checksum(out, offset, end - offset));
}

/** Header and payload in a new array. */
export function encodeGre(header: GreHeader, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const packet = new Uint8Array(greHeaderLength(header) + payload.length);
  packet.set(payload, writeGreHeader(packet, 0, header));
  if (header.checksum === true) sealGreChecksum(packet, 0, packet.length);
  return packet;
}
