/** IPv4 and IPv6 packets as one, for what works the same on both: ICMP, UDP, flows, replies. */
import { Drop } from "../contracts/drop.ts";
import type { Address } from "../contracts/values.ts";
import { pseudoSum4, pseudoSum6 } from "./checksum.ts";
import { allocateIpv4, decodeIpv4, ipv4HeaderLength, type Ipv4Packet } from "./ipv4.ts";
import { allocateIpv6, decodeIpv6, ipv6HeaderLength, type Ipv6Packet } from "./ipv6.ts";

/** IANA protocol numbers that this node looks into. */
export const IpProtocol = {
  icmp: 1,
  tcp: 6,
  udp: 17,
  icmpv6: 58,
  sctp: 132,
  udpLite: 136,
} as const;

/** Either family; the members both have mean the same. */
export type IpPacket = Ipv4Packet | Ipv6Packet;

/** What a packet of either family is built from. */
export interface IpFields {
  readonly source: Address;
  readonly destination: Address;
  readonly protocol: number;
  /** Hop Limit or Time to Live, 64 if absent. */
  readonly hopLimit?: number | undefined;
  /** DSCP and ECN, 0 if absent. */
  readonly trafficClass?: number | undefined;
}

/** Source and destination of a packet to be built, where the protocol is given. */
export type IpRoute = Omit<IpFields, "protocol">;

/** `packet` checked as {@link decodeIpv4} or {@link decodeIpv6} does, by its version field. */
export function decodeIp(packet: Uint8Array): IpPacket | Drop {
  const version = packet.length === 0 ? 0 : packet[0]! >>> 4;
  if (version === 4) return decodeIpv4(packet);
  return version === 6 ? decodeIpv6(packet) : Drop.malformed;
}

/** Length of the header that {@link allocateIp} writes. */
export function ipHeaderLength(family: 4 | 6): number {
  return family === 4 ? ipv4HeaderLength : ipv6HeaderLength;
}

/**
 * A packet of the source's family with a finished header and `payloadLength` zero bytes at {@link ipHeaderLength}.
 * An IPv4 packet may not be fragmented on its way. Throws INVALID_ARGUMENT for mixed families or too long a payload.
 */
export function allocateIp(fields: IpFields, payloadLength: number): Uint8Array<ArrayBuffer> {
  return fields.source.family === 4
    ? allocateIpv4(fields, payloadLength)
    : allocateIpv6(fields, payloadLength);
}

/** A packet of the source's family around a copy of `payload`; throws as {@link allocateIp} does. */
export function encodeIp(fields: IpFields, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const packet = allocateIp(fields, payload.length);
  packet.set(payload, ipHeaderLength(fields.source.family));
  return packet;
}

/** Sum of the pseudo-header of the IP packet that starts `bytes`, for `length` bytes of `protocol`. */
export function pseudoSum(bytes: Uint8Array, protocol: number, length: number): number {
  return bytes[0]! >>> 4 === 4
    ? pseudoSum4(bytes, 0, protocol, length)
    : pseudoSum6(bytes, 0, protocol, length);
}
