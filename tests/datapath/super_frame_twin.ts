/**
 * What the kernel makes of super-frames, slow and obvious: packets are copied, every checksum is computed anew. It is what
 * the segmenter of the data path is held against, and with which the coalescer's frames are taken apart again.
 */
import { checksum } from "../../core/wire/checksum.ts";
import { concatBytes, copyBytes } from "../../core/wire/bytes.ts";
import { readU16, readU32, writeU16, writeU32 } from "../../core/wire/field.ts";
import { decodeIp, type IpPacket, IpProtocol, pseudoSum } from "../../core/wire/ip.ts";

/** What stands before a frame of a TAP with offloads. */
export interface Vnet {
  readonly needsChecksum: boolean;
  readonly type: number;
  readonly headerLength: number;
  readonly segmentSize: number;
  readonly start: number;
  readonly field: number;
}

export const frameStart = 10;
export const packetStart = 24;

export function encodeVnet(vnet: Vnet): Uint8Array {
  const bytes = new Uint8Array(frameStart);
  const view = new DataView(bytes.buffer);
  bytes[0] = vnet.needsChecksum ? 1 : 0;
  bytes[1] = vnet.type;
  view.setUint16(2, vnet.headerLength, true);
  view.setUint16(4, vnet.segmentSize, true);
  view.setUint16(6, vnet.start, true);
  view.setUint16(8, vnet.field, true);
  return bytes;
}

export function decodeVnet(taken: Uint8Array): Vnet {
  const word = (at: number) => taken[at]! | (taken[at + 1]! << 8);
  return {
    needsChecksum: (taken[0]! & 1) !== 0,
    type: taken[1]!,
    headerLength: word(2),
    segmentSize: word(4),
    start: word(6),
    field: word(8),
  };
}

/** A packet that is known to be one; what is none makes the test fail. */
export function ipOf(bytes: Uint8Array): IpPacket {
  const packet = decodeIp(bytes);
  if (typeof packet === "number") throw new Error(`not an IP packet: drop ${packet}`);
  return packet;
}

/** Length of IP and TCP or UDP headers. */
export function headerLengthOf(packet: IpPacket): number {
  if (packet.protocol === IpProtocol.udp) return packet.payloadOffset + 8;
  return packet.payloadOffset + (packet.payload[12]! >>> 4) * 4;
}

/** The same packet with the checksum of TCP or UDP computed from nothing. */
export function finished(bytes: Uint8Array): Uint8Array {
  const copy = copyBytes(bytes);
  finish(copy);
  return copy;
}

function finish(packet: Uint8Array): void {
  const { payloadOffset, protocol } = ipOf(packet);
  const length = packet.length - payloadOffset;
  const field = payloadOffset + (protocol === IpProtocol.tcp ? 16 : 6);
  writeU16(packet, field, 0);
  const sum = checksum(packet, payloadOffset, length, pseudoSum(packet, protocol, length));
  writeU16(packet, field, sum === 0 ? 0xffff : sum);
}

/** Without the number of a packet that nobody may fragment, for that is nobody's business (RFC 6864 §4.1). */
export function unnumbered(bytes: Uint8Array): Uint8Array {
  const hasNumber = bytes[0]! >>> 4 === 4 && (bytes[6]! & 0x40) !== 0;
  return hasNumber ? copyBytes(bytes).fill(0, 4, 6).fill(0, 10, 12) : bytes;
}

/** The packets that leave an interface without offloads when the kernel sends `taken` through it. */
export function segmentsOf(taken: Uint8Array): readonly Uint8Array[] {
  const vnet = decodeVnet(taken);
  const packet = ipOf(taken.subarray(packetStart));
  if (vnet.type === 0) return [vnet.needsChecksum ? finished(packet.bytes) : copyBytes(packet.bytes)];
  const header = packet.bytes.subarray(0, headerLengthOf(packet));
  const payload = packet.bytes.subarray(header.length);
  const segments: Uint8Array[] = [];
  for (let at = 0; at < payload.length; at += vnet.segmentSize) {
    const piece = payload.subarray(at, at + vnet.segmentSize);
    const place = { index: segments.length, at, isLast: at + piece.length === payload.length };
    segments.push(segmentOf(packet, concatBytes(header, piece), place));
  }
  return segments;
}

interface Place {
  readonly index: number;
  readonly at: number;
  readonly isLast: boolean;
}

function segmentOf(whole: IpPacket, segment: Uint8Array, place: Place): Uint8Array {
  const upper = whole.payloadOffset;
  if (whole.protocol === IpProtocol.udp) writeU16(segment, upper + 4, segment.length - upper);
  else {
    writeU32(segment, upper + 4, readU32(segment, upper + 4) + place.at);
    if (!place.isLast) segment[upper + 13]! &= ~0x09;
    if (place.index > 0) segment[upper + 13]! &= ~0x80;
  }
  if (whole.family === 4) writeU16(segment, 4, readU16(segment, 4) + place.index);
  resize(segment);
  finish(segment);
  return segment;
}

/** Makes the length and the header checksum of an IP packet those of its bytes. */
export function resize(packet: Uint8Array): void {
  if (packet[0]! >>> 4 === 6) return writeU16(packet, 4, packet.length - 40);
  writeU16(packet, 2, packet.length);
  writeU16(packet, 10, 0);
  writeU16(packet, 10, checksum(packet, 0, (packet[0]! & 15) * 4));
}
