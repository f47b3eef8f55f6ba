/**
 * GRE over 1,400-byte payloads against a bare copy of the same bytes: what is above the copy is the header's. Encoding
 * writes header and payload into a buffer that is there already, as the data path does, or into a new packet.
 * Decoding copies nothing.
 *
 * By itself: `node -C source tests/bench/wire.ts`.
 */
import {
  decodeGre,
  encodeGre,
  type GreHeader,
  type GrePacket,
  GreProtocol,
  sealGreChecksum,
  writeGreHeader,
} from "../../core/wire/gre.ts";
import { Batches } from "./batches.ts";
import { printRows, type Row, times } from "./report.ts";

const payload = Uint8Array.from({ length: 1400 }, (_, index) => index & 0xff);
const room = new Uint8Array(1500);
const headers: readonly (readonly [string, GreHeader])[] = [
  ["no options", { protocol: GreProtocol.ipv4 }],
  ["key and sequence", { protocol: GreProtocol.ipv4, key: 7, sequence: 9 }],
  ["checksum", { protocol: GreProtocol.ipv4, checksum: true }],
];

export async function benchWire(): Promise<readonly Row[]> {
  const batches = new Batches();
  batches.add("copy", () => (room.set(payload), room[0]!));
  batches.add("copy, new", copyAnew);
  for (const [name, header] of headers) addGre(batches, name, header);
  await batches.run();
  const against = (what: string, baseline: string): Row => ({
    what,
    figure: batches.figure(what),
    ratio: `${times(batches.perSecond(what) / batches.perSecond(baseline))} ${baseline}`,
  });
  return [
    ...["copy", "copy, new"].map((what) => ({ what, figure: batches.figure(what) })),
    ...headers.flatMap(([name]) => [
      against(`write, ${name}`, "copy"),
      against(`encode, ${name}`, "copy, new"),
      against(`decode, ${name}`, "copy"),
    ]),
  ];
}

/** As encoding does it: room first, then the bytes. */
function copyAnew(): number {
  const copy = new Uint8Array(payload.length);
  copy.set(payload);
  return copy[1]!;
}

function addGre(batches: Batches, name: string, header: GreHeader): void {
  const packet = encodeGre(header, payload);
  if (typeof decodeGre(packet) === "number") throw new Error(`the packet is not GRE: ${name}`);
  batches.add(`write, ${name}`, () => write(header));
  batches.add(`encode, ${name}`, () => encodeGre(header, payload).length);
  batches.add(`decode, ${name}`, () => (decodeGre(packet) as GrePacket).payload.length);
}

function write(header: GreHeader): number {
  const length = writeGreHeader(room, 0, header);
  room.set(payload, length);
  if (header.checksum === true) sealGreChecksum(room, 0, length + payload.length);
  return length;
}

if (import.meta.main) printRows("GRE, 1,400-byte payloads", await benchWire());
