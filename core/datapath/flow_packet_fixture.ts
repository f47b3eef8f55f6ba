/** For tests: the shortest whole packet of a flow. */
import type { Flow } from "../contracts/policy.ts";
import { checksum } from "../wire/checksum.ts";
import { writeU16 } from "../wire/field.ts";

/** A header of TCP with nothing behind it; of other protocols as much is a whole one, and then some. */
const upperLength = 20;

/** With type 0 where there are no ports, which is no error in ICMP. */
export function packetOf({ protocol, source, destination, sourcePort, destinationPort }: Flow): Uint8Array {
  const start = source.family === 4 ? 20 : 40;
  const packet = new Uint8Array(start + upperLength);
  writeU16(packet, start, sourcePort);
  writeU16(packet, start + 2, destinationPort);
  packet[start + 12] = 0x50;
  if (protocol === 58) packet[start] = 128;
  if (source.family === 6) {
    packet[0] = 0x60;
    writeU16(packet, 4, upperLength);
    packet[6] = protocol;
    packet[7] = 64;
    packet.set(source.bytes, 8);
    packet.set(destination.bytes, 24);
    return packet;
  }
  packet[0] = 0x45;
  writeU16(packet, 2, packet.length);
  packet[8] = 64;
  packet[9] = protocol;
  packet.set(source.bytes, 12);
  packet.set(destination.bytes, 16);
  writeU16(packet, 10, checksum(packet, 0, start));
  return packet;
}
