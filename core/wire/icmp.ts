/**
 * ICMP (RFC 792, RFC 1191) and ICMPv6 (RFC 4443): echo, and the errors that senders act upon.
 *
 *     0                   1                   2                   3
 *     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |     Type      |     Code      |           Checksum            |
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |  echo: Identifier, Sequence Number; too big: MTU; else unused |
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |  echo: data; errors: the start of the packet they are about   |
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * The two protocols differ in numbers and in the pseudo-header that ICMPv6 sums, so callers see one message type.
 */
import { Drop } from "../contracts/drop.ts";
import { checksum } from "./checksum.ts";
import { readU16, readU32, writeU16, writeU32 } from "./field.ts";
import { allocateIp, ipHeaderLength, type IpPacket, IpProtocol, type IpRoute, pseudoSum } from "./ip.ts";

export const icmpHeaderLength = 8;

export interface IcmpEcho {
  readonly kind: "echoRequest" | "echoReply";
  /** 16 bits. */
  readonly identifier: number;
  /** 16 bits. */
  readonly sequence: number;
  /** From {@link decodeIcmp}: a view of the packet. */
  readonly data: Uint8Array;
}

/** A packet did not arrive. `quote` is a view of its first bytes as they came back: anything may have cut it. */
export interface IcmpError {
  readonly kind: "unreachable" | "packetTooBig" | "timeExceeded";
  readonly code: number;
  /** The largest packet that would have passed; 0 where none is told. */
  readonly mtu: number;
  readonly quote: Uint8Array;
}

export interface IcmpOther {
  readonly kind: "other";
  readonly type: number;
  readonly code: number;
}

export type IcmpMessage = IcmpEcho | IcmpError | IcmpOther;

type NamedKind = IcmpEcho["kind"] | IcmpError["kind"];

const kinds4: Readonly<Record<number, NamedKind>> = {
  0: "echoReply",
  3: "unreachable",
  8: "echoRequest",
  11: "timeExceeded",
};
const kinds6: Readonly<Record<number, NamedKind>> = {
  1: "unreachable",
  2: "packetTooBig",
  3: "timeExceeded",
  128: "echoRequest",
  129: "echoReply",
};
/** ICMP has no type for it: destination unreachable, "fragmentation needed and DF set". */
const fragmentationNeeded = 4;

/** The protocol number of ICMP in a family. */
export function icmpProtocol(family: 4 | 6): number {
  return family === 4 ? IpProtocol.icmp : IpProtocol.icmpv6;
}

/**
 * The message in `packet`: malformed when shorter than 8 bytes, badChecksum, unsupported for another protocol (also
 * for the ICMP of the other family) and for fragments.
 */
export function decodeIcmp(packet: IpPacket): IcmpMessage | Drop {
  const { family, protocol, payload } = packet;
  if (protocol !== icmpProtocol(family) || packet.isFragment) return Drop.unsupported;
  if (payload.length < icmpHeaderLength) return Drop.malformed;
  const initial = family === 4 ? 0 : pseudoSum(packet.bytes, protocol, payload.length);
  if (checksum(payload, 0, payload.length, initial) !== 0) return Drop.badChecksum;
  const kind = (family === 4 ? kinds4 : kinds6)[payload[0]!];
  if (kind === undefined) return { kind: "other", type: payload[0]!, code: payload[1]! };
  if (kind !== "echoRequest" && kind !== "echoReply") return readError(family, kind, payload);
  return {
    kind,
    identifier: readU16(payload, 4),
    sequence: readU16(payload, 6),
    data: payload.subarray(icmpHeaderLength),
  };
}

function readError(family: 4 | 6, kind: IcmpError["kind"], payload: Uint8Array): IcmpError {
  const code = payload[1]!;
  const quote = payload.subarray(icmpHeaderLength);
  if (family === 4 && kind === "unreachable" && code === fragmentationNeeded) {
    return { kind: "packetTooBig", code, mtu: readU16(payload, 6), quote };
  }
  return { kind, code, mtu: kind === "packetTooBig" ? readU32(payload, 4) : 0, quote };
}

/** The IP packet that carries `echo` along `route`. Throws INVALID_ARGUMENT for mixed families or too much data. */
export function encodeEcho(route: IpRoute, echo: IcmpEcho): Uint8Array<ArrayBuffer> {
  const isRequest = echo.kind === "echoRequest";
  const type = route.source.family === 4 ? (isRequest ? 8 : 0) : (isRequest ? 128 : 129);
  const rest = ((echo.identifier << 16) | (echo.sequence & 0xffff)) >>> 0;
  return buildIcmp(route, { type, code: 0, rest }, echo.data);
}

/** The first 8 bytes of a message but for the checksum; `rest` is bytes 4 to 7 as a number. */
export interface IcmpHeader {
  readonly type: number;
  readonly code: number;
  readonly rest: number;
}

/** An IP packet with the ICMP message of the source's family, checksum included. Throws as {@link allocateIp} does. */
export function buildIcmp(route: IpRoute, header: IcmpHeader, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const { family } = route.source;
  const protocol = icmpProtocol(family);
  const length = icmpHeaderLength + body.length;
  const packet = allocateIp({ ...route, protocol }, length);
  const offset = ipHeaderLength(family);
  packet[offset] = header.type;
  packet[offset + 1] = header.code;
  writeU32(packet, offset + 4, header.rest);
  packet.set(body, offset + icmpHeaderLength);
  const initial = family === 4 ? 0 : pseudoSum(packet, protocol, length);
  writeU16(packet, offset + 2, checksum(packet, offset, length, initial));
  return packet;
}
