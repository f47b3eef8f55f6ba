/**
 * Checksums that a kernel leaves to its network card: the sender has written all of a TCP or UDP packet but the sum. Where
 * it goes is told beside the packet, as bytes from the IP header to the header that is summed, and from there to the field.
 */
import { Drop } from "../contracts/drop.ts";
import { checksum } from "./checksum.ts";
import { readU16, writeU16 } from "./field.ts";
import { decodeIp, type IpPacket, IpProtocol, pseudoSum } from "./ip.ts";

interface Place {
  /** Of the shortest header of the protocol. */
  readonly headerLength: number;
  readonly field: number;
}

const places: ReadonlyMap<number, Place> = new Map([
  [IpProtocol.tcp, { headerLength: 20, field: 16 }],
  [IpProtocol.udp, { headerLength: 8, field: 6 }],
]);

/**
 * Writes the checksum of `packet`, one IP packet, whatever its field holds. `start` and `offset` are a stranger's word: they
 * must name the checksum of a whole TCP or UDP packet, and never decide what is written where. malformed when they do not,
 * for fragments, and for a UDP length that is not the packet's; else drops as {@link decodeIp}.
 */
export function finishChecksum(packet: Uint8Array, start: number, offset: number): Drop {
  const decoded = decodeIp(packet);
  if (typeof decoded === "number") return decoded;
  if (!isPlace(decoded, start, offset)) return Drop.malformed;
  const { bytes, protocol } = decoded;
  const length = bytes.length - start;
  if (protocol === IpProtocol.udp && readU16(bytes, start + 4) !== length) return Drop.malformed;
  writeU16(bytes, start + offset, 0);
  const sum = checksum(bytes, start, length, pseudoSum(bytes, protocol, length));
  const isNone = sum === 0 && protocol === IpProtocol.udp; // RFC 768: zero would say that there is no checksum
  writeU16(bytes, start + offset, isNone ? 0xffff : sum);
  return Drop.none;
}

function isPlace(
  { bytes, protocol, payloadOffset, isFragment }: IpPacket,
  start: number,
  offset: number,
): boolean {
  const place = places.get(protocol);
  return place !== undefined && !isFragment && start === payloadOffset && offset === place.field &&
    bytes.length - start >= place.headerLength;
}
