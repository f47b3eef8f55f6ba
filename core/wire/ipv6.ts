/**
 * IPv6 and its extension headers (RFC 8200).
 *
 *     0                   1                   2                   3
 *     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |Version| Traffic Class |              Flow Label               |
 *    |         Payload Length        |  Next Header  |   Hop Limit   |
 *    |                    Source Address (16 bytes)                  |
 *    |                  Destination Address (16 bytes)               |
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |  Next Header  |  Hdr Ext Len  |  extension header: 8 bytes    |
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+  and 8 more per Hdr Ext Len   |
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * Hop-by-hop options, routing, fragment and destination options are walked to find the upper-layer protocol; whatever
 * else follows (AH and ESP too) counts as that protocol. Jumbograms (RFC 2675) do not exist here.
 */
import { Drop } from "../contracts/drop.ts";
import { MeshError } from "../contracts/errors.ts";
import type { Address } from "../contracts/values.ts";
import { copyBytes } from "./bytes.ts";
import { readU16, readU32, writeU16, writeU32 } from "./field.ts";

export const ipv6HeaderLength = 40;
const largestPayload = 65_535;
/** More than any host sends (RFC 8200 §4.1 orders seven), few enough to cost nothing. */
const mostExtensions = 8;
const hopByHop = 0;
const routing = 43;
const fragment = 44;
const destinationOptions = 60;
const fragmentHeaderLength = 8;

/** A checked packet, a view of the bytes it was decoded from. Made by {@link decodeIpv6} alone. */
export class Ipv6Packet {
  readonly family = 6;
  /** The packet without whatever followed its Payload Length. */
  readonly bytes: Uint8Array;
  /** IANA number of the upper-layer protocol; in a later fragment, of the header that the first one starts with. */
  readonly protocol: number;
  /** Where the upper-layer header starts: 40 or more. */
  readonly payloadOffset: number;
  readonly #fragmentField: number;

  constructor(bytes: Uint8Array, { protocol, payloadOffset, fragmentField }: HeaderChain) {
    this.bytes = bytes;
    this.protocol = protocol;
    this.payloadOffset = payloadOffset;
    this.#fragmentField = fragmentField;
  }

  get trafficClass(): number {
    return (readU16(this.bytes, 0) >>> 4) & 0xff;
  }

  get flowLabel(): number {
    return readU32(this.bytes, 0) & 0xf_ffff;
  }

  get hopLimit(): number {
    return this.bytes[7]!;
  }

  /** True for every fragment but the last. */
  get moreFragments(): boolean {
    return (this.#fragmentField & 1) === 1;
  }

  /** Where the payload belongs in the whole datagram, in bytes. Above 0 it starts with no header of its protocol. */
  get fragmentOffset(): number {
    return this.#fragmentField & 0xfff8;
  }

  /** Part of a datagram, first part or later. An atomic fragment (RFC 6946) is whole and so is none. */
  get isFragment(): boolean {
    return this.moreFragments || this.fragmentOffset > 0;
  }

  /** A copy: it outlives the packet's buffer. */
  get source(): Address {
    return { family: 6, bytes: copyBytes(this.bytes, 8, 24) };
  }

  /** A copy: it outlives the packet's buffer. */
  get destination(): Address {
    return { family: 6, bytes: copyBytes(this.bytes, 24, 40) };
  }

  get payload(): Uint8Array {
    return this.bytes.subarray(this.payloadOffset);
  }
}

/**
 * `packet` checked: version, Payload Length within the buffer (more bytes are cut off), at most 8 extension headers
 * that end inside the packet, hop-by-hop options first or not at all, one possible fragment header. All that is
 * malformed; a routing header with segments left is unsupported, for it would carry a packet past a verdict on its
 * first destination (RFC 5095 tells why source routes died).
 */
export function decodeIpv6(packet: Uint8Array): Ipv6Packet | Drop {
  if (packet.length < ipv6HeaderLength || packet[0]! >>> 4 !== 6) return Drop.malformed;
  const end = ipv6HeaderLength + readU16(packet, 4);
  if (end > packet.length) return Drop.malformed;
  const bytes = packet.subarray(0, end);
  const chain = walkIpv6Headers(bytes);
  if (typeof chain === "number") return chain;
  return isPossibleFragment(chain, end) ? new Ipv6Packet(bytes, chain) : Drop.malformed;
}

/** Where the walk over the extension headers ended. */
export interface HeaderChain {
  readonly protocol: number;
  readonly payloadOffset: number;
  /** Bits 16 to 31 of the fragment header: offset in 8-byte units, 2 reserved bits, M. 0 without that header. */
  readonly fragmentField: number;
}

/** Walks the extension headers of an IPv6 packet of at least 40 bytes, whatever its Payload Length says. */
export function walkIpv6Headers(bytes: Uint8Array): HeaderChain | Drop {
  let protocol = bytes[6]!;
  let payloadOffset = ipv6HeaderLength;
  let fragmentField = 0;
  let fragmentSeen = false;
  for (let walked = 0; isExtension(protocol) && (fragmentField & 0xfff8) === 0; walked++) {
    const fault = extensionFault(bytes, payloadOffset, protocol);
    if (fault !== Drop.none) return fault;
    if (walked === mostExtensions || (protocol === hopByHop && walked > 0)) return Drop.malformed;
    const isFragmentHeader = protocol === fragment;
    if (isFragmentHeader && fragmentSeen) return Drop.malformed;
    if (isFragmentHeader) fragmentField = readU16(bytes, payloadOffset + 2) & 0xfff9;
    fragmentSeen ||= isFragmentHeader;
    protocol = bytes[payloadOffset]!;
    payloadOffset += isFragmentHeader ? fragmentHeaderLength : extensionLength(bytes, payloadOffset);
  }
  return { protocol, payloadOffset, fragmentField };
}

function isExtension(protocol: number): boolean {
  return protocol === hopByHop || protocol === routing || protocol === fragment ||
    protocol === destinationOptions;
}

function extensionLength(bytes: Uint8Array, offset: number): number {
  return 8 * (bytes[offset + 1]! + 1);
}

function extensionFault(bytes: Uint8Array, offset: number, type: number): Drop {
  if (offset + 8 > bytes.length) return Drop.malformed;
  if (type === fragment) return Drop.none;
  if (offset + extensionLength(bytes, offset) > bytes.length) return Drop.malformed;
  const segmentsLeft = type === routing ? bytes[offset + 3]! : 0;
  return segmentsLeft === 0 ? Drop.none : Drop.unsupported;
}

/** All fragments but the last carry a multiple of 8 bytes, and the whole fits Payload Length (RFC 8200 §4.5). */
function isPossibleFragment({ payloadOffset, fragmentField }: HeaderChain, end: number): boolean {
  if ((fragmentField & 1) === 1 && (end === payloadOffset || (end - ipv6HeaderLength) % 8 !== 0)) {
    return false;
  }
  return end - ipv6HeaderLength - fragmentHeaderLength + (fragmentField & 0xfff8) <= largestPayload;
}

export interface Ipv6Fields {
  readonly source: Address;
  readonly destination: Address;
  /** Next Header. */
  readonly protocol: number;
  /** 64 if absent. */
  readonly hopLimit?: number | undefined;
  /** DSCP and ECN, 0 if absent. */
  readonly trafficClass?: number | undefined;
  /** 20 bits, 0 if absent. */
  readonly flowLabel?: number | undefined;
}

/**
 * A packet with a finished header and `payloadLength` zero bytes at {@link ipv6HeaderLength} to be filled in.
 * Throws INVALID_ARGUMENT for addresses of another family or a payload over 65,535 bytes.
 */
export function allocateIpv6(fields: Ipv6Fields, payloadLength: number): Uint8Array<ArrayBuffer> {
  const { source, destination } = fields;
  if (source.family !== 6 || destination.family !== 6 || payloadLength > largestPayload) {
    // deno-lint-ignore selvage/no-throw-in-datapath -- a caller's mistake; no packet leads here
    throw new MeshError(
      "INVALID_ARGUMENT",
      `Cannot build an IPv6 packet with ${payloadLength} bytes from IPv${source.family} to ` +
        `IPv${destination.family}: both addresses must be IPv6 and the payload at most ${largestPayload} bytes`,
    );
  }
  const packet = new Uint8Array(ipv6HeaderLength + payloadLength);
  writeU32(
    packet,
    0,
    (6 << 28) | (((fields.trafficClass ?? 0) & 0xff) << 20) | ((fields.flowLabel ?? 0) & 0xf_ffff),
  );
  writeU16(packet, 4, payloadLength);
  packet[6] = fields.protocol;
  packet[7] = fields.hopLimit ?? 64;
  packet.set(source.bytes, 8);
  packet.set(destination.bytes, 24);
  return packet;
}
