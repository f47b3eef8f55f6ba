/**
 * IPv4 (RFC 791).
 *
 *     0                   1                   2                   3
 *     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |Version|  IHL  |Type of Service|          Total Length         |
 *    |         Identification        |Flags|      Fragment Offset    |
 *    |  Time to Live |    Protocol   |         Header Checksum       |
 *    |                       Source Address                          |
 *    |                    Destination Address                        |
 *    |                    Options                    |    Padding    |
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * {@link decodeIpv4} checks once; what it returns has accessors that cannot fail. They read the bytes when asked:
 * filling an object with every field costs more than the two or three that a caller wants.
 */
import { Drop } from "../contracts/drop.ts";
import { MeshError } from "../contracts/errors.ts";
import type { Address } from "../contracts/values.ts";
import { copyBytes } from "./bytes.ts";
import { checksum } from "./checksum.ts";
import { readU16, writeU16 } from "./field.ts";

export const ipv4HeaderLength = 20;
const largestPacket = 65_535;
const dontFragment = 0x4000;
const moreFragments = 0x2000;
const looseSourceRoute = 131;
const strictSourceRoute = 137;

/** A checked packet, a view of the bytes it was decoded from. Made by {@link decodeIpv4} alone. */
export class Ipv4Packet {
  readonly family = 4;
  /** The packet without whatever followed its Total Length. */
  readonly bytes: Uint8Array;
  /** Where the payload starts: 20 to 60. */
  readonly payloadOffset: number;

  constructor(bytes: Uint8Array, payloadOffset: number) {
    this.bytes = bytes;
    this.payloadOffset = payloadOffset;
  }

  /** DSCP and ECN, the former Type of Service. */
  get trafficClass(): number {
    return this.bytes[1]!;
  }

  get identification(): number {
    return readU16(this.bytes, 4);
  }

  get dontFragment(): boolean {
    return (readU16(this.bytes, 6) & dontFragment) !== 0;
  }

  /** True for every fragment but the last. */
  get moreFragments(): boolean {
    return (readU16(this.bytes, 6) & moreFragments) !== 0;
  }

  /** Where the payload belongs in the whole datagram, in bytes. Above 0 it starts with no header of its protocol. */
  get fragmentOffset(): number {
    return (readU16(this.bytes, 6) & 0x1fff) * 8;
  }

  /** Part of a datagram, first part or later. */
  get isFragment(): boolean {
    return this.moreFragments || this.fragmentOffset > 0;
  }

  /** Time to Live. */
  get hopLimit(): number {
    return this.bytes[8]!;
  }

  /** IANA protocol number of the payload. */
  get protocol(): number {
    return this.bytes[9]!;
  }

  /** A copy: it outlives the packet's buffer. */
  get source(): Address {
    return { family: 4, bytes: copyBytes(this.bytes, 12, 16) };
  }

  /** A copy: it outlives the packet's buffer. */
  get destination(): Address {
    return { family: 4, bytes: copyBytes(this.bytes, 16, 20) };
  }

  get payload(): Uint8Array {
    return this.bytes.subarray(this.payloadOffset);
  }
}

/**
 * `packet` checked: version, IHL, Total Length within the buffer (more bytes are cut off: link padding), header
 * checksum, well-formed options, a possible fragment. badChecksum and malformed say so; a source route is
 * unsupported, for it would carry a packet past a verdict on its first destination (RFC 7126 §4.3, §4.4).
 */
export function decodeIpv4(packet: Uint8Array): Ipv4Packet | Drop {
  if (packet.length < ipv4HeaderLength || packet[0]! >>> 4 !== 4) return Drop.malformed;
  const headerLength = (packet[0]! & 15) * 4;
  const totalLength = readU16(packet, 2);
  if (headerLength < ipv4HeaderLength || totalLength < headerLength) return Drop.malformed;
  if (totalLength > packet.length) return Drop.malformed;
  if (checksum(packet, 0, headerLength) !== 0) return Drop.badChecksum;
  const decoded = new Ipv4Packet(packet.subarray(0, totalLength), headerLength);
  if (!isPossibleFragment(decoded)) return Drop.malformed;
  const fault = optionsFault(packet, headerLength);
  return fault === Drop.none ? decoded : fault;
}

/** All fragments but the last carry a multiple of 8 bytes, and none ends beyond 64 KiB ("ping of death"). */
function isPossibleFragment(packet: Ipv4Packet): boolean {
  const length = packet.bytes.length - packet.payloadOffset;
  if (packet.moreFragments && (length === 0 || length % 8 !== 0)) return false;
  return packet.payloadOffset + packet.fragmentOffset + length <= largestPacket;
}

function optionsFault(packet: Uint8Array, headerLength: number): Drop {
  let at = ipv4HeaderLength;
  while (at < headerLength) {
    const type = packet[at]!;
    if (type === 0) return Drop.none;
    if (type === looseSourceRoute || type === strictSourceRoute) return Drop.unsupported;
    // Of an option in the last byte this reads the payload: any length it may find there ends beyond the header.
    const length = type === 1 ? 1 : packet[at + 1] ?? 0;
    if ((type !== 1 && length < 2) || at + length > headerLength) return Drop.malformed;
    at += length;
  }
  return Drop.none;
}

export interface Ipv4Fields {
  readonly source: Address;
  readonly destination: Address;
  readonly protocol: number;
  /** Time to Live, 64 if absent. */
  readonly hopLimit?: number | undefined;
  /** DSCP and ECN, 0 if absent. */
  readonly trafficClass?: number | undefined;
  /**
   * Absent: the packet may not be fragmented and its identification is 0 (RFC 6864 §4.1). Present: it may, and the
   * caller keeps the number unique for the pair of addresses and the protocol.
   */
  readonly identification?: number | undefined;
}

/**
 * A packet with a finished header and `payloadLength` zero bytes at {@link ipv4HeaderLength} to be filled in.
 * Throws INVALID_ARGUMENT for addresses of another family or more than 65,535 bytes in all.
 */
export function allocateIpv4(fields: Ipv4Fields, payloadLength: number): Uint8Array<ArrayBuffer> {
  const { source, destination, identification } = fields;
  const totalLength = ipv4HeaderLength + payloadLength;
  if (source.family !== 4 || destination.family !== 4 || totalLength > largestPacket) {
    // deno-lint-ignore selvage/no-throw-in-datapath -- a caller's mistake; no packet leads here
    throw new MeshError(
      "INVALID_ARGUMENT",
      `Cannot build an IPv4 packet of ${totalLength} bytes from IPv${source.family} to IPv${destination.family}: ` +
        `both addresses must be IPv4 and the whole at most ${largestPacket} bytes`,
    );
  }
  const packet = new Uint8Array(totalLength);
  packet[0] = 0x45;
  packet[1] = fields.trafficClass ?? 0;
  writeU16(packet, 2, totalLength);
  writeU16(packet, 4, identification ?? 0);
  writeU16(packet, 6, identification === undefined ? dontFragment : 0);
  packet[8] = fields.hopLimit ?? 64;
  packet[9] = fields.protocol;
  packet.set(source.bytes, 12);
  packet.set(destination.bytes, 16);
  writeU16(packet, 10, checksum(packet, 0, ipv4HeaderLength));
  return packet;
}
