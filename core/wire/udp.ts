/**
 * UDP (RFC 768; over IPv6 RFC 8200 §8.1).
 *
 *     0      7 8     15 16    23 24    31
 *    +--------+--------+--------+--------+
 *    |   Source Port   |Destination Port |
 *    +--------+--------+--------+--------+
 *    |     Length      |    Checksum     |
 *    +--------+--------+--------+--------+
 */
import { Drop } from "../contracts/drop.ts";
import { checksum } from "./checksum.ts";
import { readU16, writeU16 } from "./field.ts";
import { allocateIp, ipHeaderLength, type IpPacket, IpProtocol, type IpRoute, pseudoSum } from "./ip.ts";

export const udpHeaderLength = 8;

export interface UdpDatagram {
  /** 0: no reply is wanted. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** From {@link decodeUdp}: a view of the packet. */
  readonly payload: Uint8Array;
}

/**
 * The datagram in `packet`: malformed for a wrong length or, over IPv6, no checksum; badChecksum; unsupported for
 * another protocol and for fragments, which nothing here puts together. Over IPv4 a zero checksum means none.
 * Bytes between Length and the end of the packet are ignored.
 */
export function decodeUdp(packet: IpPacket): UdpDatagram | Drop {
  if (packet.protocol !== IpProtocol.udp || packet.isFragment) return Drop.unsupported;
  const segment = packet.payload;
  const length = segment.length < udpHeaderLength ? 0 : readU16(segment, 4);
  if (length < udpHeaderLength || length > segment.length) return Drop.malformed;
  const isUnchecked = readU16(segment, 6) === 0;
  if (isUnchecked && packet.family === 6) return Drop.malformed;
  const initial = pseudoSum(packet.bytes, IpProtocol.udp, length);
  if (!isUnchecked && checksum(segment, 0, length, initial) !== 0) return Drop.badChecksum;
  return {
    sourcePort: readU16(segment, 0),
    destinationPort: readU16(segment, 2),
    payload: segment.subarray(udpHeaderLength, length),
  };
}

/**
 * The IP packet that carries `datagram` along `route`, checksum included. Throws INVALID_ARGUMENT for mixed families
 * or a payload over 65,507 (IPv4) or 65,527 bytes (IPv6).
 */
export function encodeUdp(route: IpRoute, datagram: UdpDatagram): Uint8Array<ArrayBuffer> {
  const length = udpHeaderLength + datagram.payload.length;
  const packet = allocateIp({ ...route, protocol: IpProtocol.udp }, length);
  const offset = ipHeaderLength(route.source.family);
  writeU16(packet, offset, datagram.sourcePort);
  writeU16(packet, offset + 2, datagram.destinationPort);
  writeU16(packet, offset + 4, length);
  packet.set(datagram.payload, offset + udpHeaderLength);
  const sum = checksum(packet, offset, length, pseudoSum(packet, IpProtocol.udp, length));
  // 0 would say "no checksum"; 0xffff is the same number in ones' complement.
  writeU16(packet, offset + 6, sum === 0 ? 0xffff : sum);
  return packet;
}
