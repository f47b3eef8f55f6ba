/**
 * ICMP errors in answer to a packet that cannot be delivered, and when there must be none.
 *
 * An error goes to the source of the packet and quotes its start: for IPv4 as much as keeps the error within
 * 576 bytes (RFC 1812 §4.3.2.3; RFC 792 asked for the header and 8 bytes), for IPv6 within 1,280 (RFC 4443 §2.4 (c)).
 * None is sent about an ICMP error, a packet to a multicast or broadcast address, a fragment other than the first, or
 * a source that names no single host (RFC 1122 §3.2.2, RFC 1812 §4.3.2.7, RFC 4443 §2.4 (e)): each of these would let
 * one packet cause a storm or hit a bystander. RFC 4443 excepts "packet too big" about multicast; the mesh does not,
 * because it copies multicast itself and would answer once per copy.
 *
 * Rates, broadcast addresses of subnets, and broadcast on the link are for the caller, who knows them.
 */
import type { Address } from "../contracts/values.ts";
import { isLimitedBroadcast, isLoopback, isMulticast, isUnspecified } from "./address.ts";
import { buildIcmp, type IcmpHeader, icmpHeaderLength, icmpProtocol } from "./icmp.ts";
import { decodeIp, ipHeaderLength, type IpPacket } from "./ip.ts";

/** Why a packet was not delivered, in the words of both families. */
export type UndeliveredReason =
  /** Nothing routes the destination. */
  | "noRoute"
  /** The destination is within a known range, but nobody holds it. */
  | "hostUnreachable"
  /** Nobody listens on the port. */
  | "portUnreachable"
  /** A policy forbids it. */
  | "prohibited"
  /** The hop limit ran out on the way. */
  | "hopLimitExceeded";

interface Numbers {
  readonly type: number;
  readonly code: number;
}

const numbers4: Readonly<Record<UndeliveredReason, Numbers>> = {
  noRoute: { type: 3, code: 0 },
  hostUnreachable: { type: 3, code: 1 },
  portUnreachable: { type: 3, code: 3 },
  prohibited: { type: 3, code: 13 },
  hopLimitExceeded: { type: 11, code: 0 },
};
const numbers6: Readonly<Record<UndeliveredReason, Numbers>> = {
  noRoute: { type: 1, code: 0 },
  hostUnreachable: { type: 1, code: 3 },
  portUnreachable: { type: 1, code: 4 },
  prohibited: { type: 1, code: 1 },
  hopLimitExceeded: { type: 3, code: 0 },
};

const largestError4 = 576;
const largestError6 = 1280;
/** "Internetwork control", the precedence of ICMP errors (RFC 1812 §4.3.2.5). */
const controlPrecedence = 0xc0;
/** Echo, router discovery, timestamp, information, address mask, extended echo: all that is no error (IANA). */
const queries4: ReadonlySet<number> = new Set([0, 8, 9, 10, 13, 14, 15, 16, 17, 18, 42, 43]);
const redirect6 = 137;

/**
 * The packet that tells the source of `original`, an IP packet, why it was not delivered; `from` is the address that
 * speaks. Undefined where no error may be sent, and when `original` is malformed or of another family than `from`.
 */
export function icmpUnreachable(
  original: Uint8Array,
  reason: UndeliveredReason,
  from: Address,
): Uint8Array<ArrayBuffer> | undefined {
  const numbers = from.family === 4 ? numbers4[reason] : numbers6[reason];
  return answer(original, { ...numbers, rest: 0 }, from);
}

/** What every IPv6 path carries; a sender takes no less for an answer (RFC 8200 §5, RFC 8201 §4). */
const leastMtu6 = 1280;
/** The same for IPv4: the longest header and one unit of data (RFC 791 §3.2). */
const leastMtu4 = 68;

/**
 * The packet that tells the source of `original` that `mtu` bytes are the most that pass (RFC 1191 §4, RFC 8201).
 * Undefined as for {@link icmpUnreachable}, for an IPv4 packet that may be fragmented (see `fragment.ts`), and for an
 * `mtu` that the source would ignore: below 68 (RFC 791 §3.2), or for IPv6 below 1,280.
 */
export function icmpPacketTooBig(
  original: Uint8Array,
  mtu: number,
  from: Address,
): Uint8Array<ArrayBuffer> | undefined {
  if (mtu < (from.family === 4 ? leastMtu4 : leastMtu6)) return undefined;
  // Bit 1 of the flags. A packet without the byte is malformed, which is found out below.
  if (from.family === 4 && (original[6]! & 0x40) === 0) return undefined;
  const header = from.family === 4
    ? { type: 3, code: 4, rest: Math.min(mtu, 0xffff) }
    : { type: 2, code: 0, rest: mtu };
  return answer(original, header, from);
}

function answer(
  original: Uint8Array,
  header: IcmpHeader,
  from: Address,
): Uint8Array<ArrayBuffer> | undefined {
  const packet = decodeIp(original);
  if (typeof packet === "number" || packet.family !== from.family || !mayBeAnswered(packet)) return undefined;
  const largest = from.family === 4 ? largestError4 : largestError6;
  const quote = packet.bytes.subarray(0, largest - ipHeaderLength(from.family) - icmpHeaderLength);
  const trafficClass = from.family === 4 ? controlPrecedence : 0;
  return buildIcmp({ source: from, destination: packet.source, trafficClass }, header, quote);
}

function mayBeAnswered(packet: IpPacket): boolean {
  const { destination } = packet;
  if (isMulticast(destination) || isLimitedBroadcast(destination)) return false;
  return packet.fragmentOffset === 0 && isSingleHost(packet.source) && !isIcmpError(packet);
}

/** 240.0.0.0/4, class E, names no host either; the limited broadcast address is within it. */
function isSingleHost(source: Address): boolean {
  const isClassE = source.family === 4 && source.bytes[0]! >= 240;
  return !isClassE && !isUnspecified(source) && !isMulticast(source) && !isLoopback(source);
}

/** An unknown IPv4 type and a message cut before its type count as errors: silence harms less than a loop. */
function isIcmpError(packet: IpPacket): boolean {
  if (packet.protocol !== icmpProtocol(packet.family)) return false;
  const type = packet.payload[0];
  if (type === undefined) return true;
  return packet.family === 4 ? !queries4.has(type) : type < 128 || type === redirect6;
}
