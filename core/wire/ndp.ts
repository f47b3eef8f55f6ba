/**
 * IPv6 neighbour discovery (RFC 4861) as far as a node takes part: it reads and writes solicitations and advertisements,
 * and knows which messages are between neighbours only.
 *
 *     0                   1                   2                   3
 *     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |   Type: 135, 136              |           Checksum            |
 *    |R|S|O|           Reserved (flags in advertisements)            |
 *    |                    Target Address (16 bytes)                  |
 *    |  Option type  |  Length / 8   |   e.g. link-layer address     |
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { Drop } from "../contracts/drop.ts";
import type { Address } from "../contracts/values.ts";
import { isMulticast, isUnspecified, sameAddress } from "./address.ts";
import { copyBytes } from "./bytes.ts";
import { checksum } from "./checksum.ts";
import { readU16, readU32 } from "./field.ts";
import { buildIcmp } from "./icmp.ts";
import { type IpPacket, IpProtocol, pseudoSum } from "./ip.ts";
import type { Ipv6Packet } from "./ipv6.ts";
import { macLength } from "./mac.ts";

/** ICMPv6 types of neighbour discovery. */
export const NdpType = {
  routerSolicitation: 133,
  routerAdvertisement: 134,
  neighbourSolicitation: 135,
  neighbourAdvertisement: 136,
  redirect: 137,
} as const;

/**
 * ICMPv6 types that have a meaning on one link only: MLD (130 to 132, 143), neighbour discovery (133 to 137) and its
 * inverse (141, 142) and certificates (148, 149), multicast router discovery (151 to 153).
 */
const linkTypes: ReadonlySet<number> = new Set(
  [...[130, 131, 132, 133, 134, 135, 136, 137], ...[141, 142, 143, 148, 149, 151, 152, 153]],
);
const igmp = 2;
const everyHop = 255;
const messageLength = 24;
const sourceLinkLayerAddress = 1;
const targetLinkLayerAddress = 2;
const solicited = 0x4000_0000;
const override = 0x2000_0000;

/** ff02::1. */
export const allNodes: Address = {
  family: 6,
  bytes: Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
};

/**
 * True for what hosts and routers of one link tell each other: IGMP, MLD, neighbour discovery. Also for an ICMPv6 message
 * without a type. A later fragment tells no type; without its first one nobody puts it together.
 */
export function isLinkMessage(packet: IpPacket): boolean {
  if (packet.family === 4) return packet.protocol === igmp;
  if (packet.protocol !== IpProtocol.icmpv6 || packet.fragmentOffset > 0) return false;
  const type = packet.payload[0];
  return type === undefined || linkTypes.has(type);
}

/** The type of an ICMPv6 message, undefined for anything else. */
export function icmpv6Type(packet: IpPacket): number | undefined {
  const isMessage = packet.family === 6 && packet.protocol === IpProtocol.icmpv6 &&
    packet.fragmentOffset === 0;
  return isMessage ? packet.payload[0] : undefined;
}

export interface NeighbourSolicitation {
  /** The unspecified address in a probe for duplicates (RFC 4862 §5.4.2). */
  readonly source: Address;
  readonly target: Address;
  readonly isProbe: boolean;
}

/**
 * The solicitation in `packet`, checked as RFC 4861 §7.1.1 demands: hop limit 255, so that it comes from this link,
 * checksum, code 0, length, target no group, options of a length; a probe goes to the group of its target and tells no
 * link-layer address. Any other message is unsupported, a solicitation in fragments malformed (RFC 6980 §5).
 */
export function decodeSolicitation(packet: Ipv6Packet): NeighbourSolicitation | Drop {
  const target = decodeTarget(packet, NdpType.neighbourSolicitation);
  if (typeof target === "number") return target;
  const { source, payload } = packet;
  const isProbe = isUnspecified(source);
  if (isProbe && optionOf(payload, sourceLinkLayerAddress) !== undefined) return Drop.malformed;
  if (isProbe && !sameAddress(packet.destination, solicitedNode(target))) return Drop.malformed;
  return { source, target, isProbe };
}

/** The target of a message of this type, checked as both types have to be. */
function decodeTarget(packet: Ipv6Packet, type: number): Address | Drop {
  const { payload } = packet;
  if (icmpv6Type(packet) !== type) return Drop.unsupported;
  if (packet.isFragment || packet.hopLimit !== everyHop || payload.length < messageLength) {
    return Drop.malformed;
  }
  const initial = pseudoSum(packet.bytes, IpProtocol.icmpv6, payload.length);
  if (checksum(payload, 0, payload.length, initial) !== 0) return Drop.badChecksum;
  const target: Address = { family: 6, bytes: copyBytes(payload, 8, messageLength) };
  const isRight = payload[1] === 0 && !isMulticast(target) && areOptionsRight(payload);
  return isRight ? target : Drop.malformed;
}

/** No option of length 0 and none that is cut. */
function areOptionsRight(payload: Uint8Array): boolean {
  let at = messageLength;
  while (at + 1 < payload.length) {
    const length = 8 * payload[at + 1]!;
    if (length === 0 || at + length > payload.length) return false;
    at += length;
  }
  return at === payload.length;
}

/** What the first option of this type holds, a view; for options that {@link areOptionsRight}. */
function optionOf(payload: Uint8Array, type: number): Uint8Array | undefined {
  for (let at = messageLength; at < payload.length; at += 8 * payload[at + 1]!) {
    if (payload[at] === type) return payload.subarray(at + 2, at + 8 * payload[at + 1]!);
  }
  return undefined;
}

/** The group that who has `address` listens to: ff02::1:ff and its last 24 bits (RFC 4291 §2.7.1). */
export function solicitedNode({ bytes }: Address): Address {
  const group = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 0);
  group.set(bytes.subarray(13), 13);
  return { family: 6, bytes: group };
}

/** Whether `address` is the link-local one that an interface makes of its MAC (RFC 4291 §2.5.1, RFC 2464 §5). */
export function isLinkLocalOf({ family, bytes }: Address, mac: Uint8Array): boolean {
  if (family !== 6 || readU32(bytes, 0) !== 0xfe80_0000 || readU32(bytes, 4) !== 0) return false;
  return readU16(bytes, 8) === (readU16(mac, 0) ^ 0x0200) && readU16(bytes, 10) === ((mac[2]! << 8) | 0xff) &&
    readU16(bytes, 12) === (0xfe00 | mac[3]!) && readU16(bytes, 14) === readU16(mac, 4);
}

/** The IPv6 packet that asks who has `target`, of all who may (RFC 4861 §4.3): from `source`, which is at `mac`. */
export function encodeSolicitation(
  target: Address,
  source: Address,
  mac: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const body = withMac(target, sourceLinkLayerAddress, mac);
  const route = { source, destination: solicitedNode(target), hopLimit: everyHop };
  return buildIcmp(route, { type: NdpType.neighbourSolicitation, code: 0, rest: 0 }, body);
}

export interface Advertisement {
  readonly target: Address;
  /** 6 bytes. */
  readonly mac: Uint8Array;
  /** Whether it replaces another MAC that the receiver knows. */
  readonly override: boolean;
}

/**
 * The IPv6 packet that answers `solicitation` (RFC 4861 §7.2.4): to its source with the Solicited flag, or if it was a
 * probe, to all nodes and without.
 */
export function encodeAdvertisement(
  { source, isProbe }: NeighbourSolicitation,
  advertisement: Advertisement,
): Uint8Array<ArrayBuffer> {
  const { target, mac } = advertisement;
  const flags = (isProbe ? 0 : solicited) | (advertisement.override ? override : 0);
  const body = withMac(target, targetLinkLayerAddress, mac);
  const route = { source: target, destination: isProbe ? allNodes : source, hopLimit: everyHop };
  return buildIcmp(route, { type: NdpType.neighbourAdvertisement, code: 0, rest: flags }, body);
}

/** A target and one option of this type. */
function withMac(target: Address, option: number, mac: Uint8Array): Uint8Array {
  const body = new Uint8Array(16 + 2 + macLength);
  body.set(target.bytes);
  body[16] = option;
  body[17] = (2 + macLength) / 8;
  body.set(mac, 18);
  return body;
}

/** What an advertisement says. Without a MAC it says only that its target is still there. */
export interface DecodedAdvertisement extends Omit<Advertisement, "mac"> {
  /** A view of the packet. */
  readonly mac: Uint8Array | undefined;
}

/**
 * The advertisement in `packet`, checked as RFC 4861 §7.1.2 demands: as for {@link decodeSolicitation}, and one to a group
 * is no answer to anybody, so it does not say that it is. Any other message is unsupported.
 */
export function decodeAdvertisement(packet: Ipv6Packet): DecodedAdvertisement | Drop {
  const target = decodeTarget(packet, NdpType.neighbourAdvertisement);
  if (typeof target === "number") return target;
  const { payload } = packet;
  const flags = readU32(payload, 4);
  if ((flags & solicited) !== 0 && isMulticast(packet.destination)) return Drop.malformed;
  const mac = optionOf(payload, targetLinkLayerAddress);
  if (mac !== undefined && mac.length !== macLength) return Drop.malformed;
  return { target, mac, override: (flags & override) !== 0 };
}
