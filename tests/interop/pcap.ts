/** Captures as files: the classic pcap format, one Ethernet frame around each UDP datagram. */
import { concatBytes } from "../../core/wire/bytes.ts";
import { encodeUdp } from "../../core/wire/udp.ts";
import { parseAddress } from "../../core/wire/address.ts";
import type { Endpoint } from "../../core/contracts/values.ts";

export interface Captured {
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly datagram: Uint8Array;
}

const ethernet = 1;
const longest = 262_144;

/** A file for tshark; packet n was captured n milliseconds after the epoch. */
export function pcap(packets: readonly Captured[]): Uint8Array {
  const header = words(0xa1b2c3d4, 0x0002_0004, 0, 0, longest, ethernet);
  return concatBytes(header, ...packets.map((packet, index) => record(frame(packet), index)));
}

function record(bytes: Uint8Array, index: number): Uint8Array {
  return concatBytes(words(0, index * 1000, bytes.length, bytes.length), bytes);
}

function frame({ from, to, datagram }: Captured): Uint8Array {
  const route = { source: parseAddress(from.host)!, destination: parseAddress(to.host)! };
  const packet = encodeUdp(route, { sourcePort: from.port, destinationPort: to.port, payload: datagram });
  // Locally administered addresses, then the EtherType of the outer packet.
  const etherType = route.source.family === 4 ? [0x08, 0x00] : [0x86, 0xdd];
  return concatBytes(Uint8Array.of(2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, ...etherType), packet);
}

function words(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) view.setUint32(index * 4, value);
  return bytes;
}
