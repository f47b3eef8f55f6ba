/** For tests: packets and frames of TCP and UDP with given fields, as a kernel hands them to a TAP. */
import { concatBytes } from "../wire/bytes.ts";
import { checksum, foldSum, pseudoSum4, pseudoSum6 } from "../wire/checksum.ts";
import { writeU16, writeU32 } from "../wire/field.ts";
import { hex } from "../wire/captured_packets.ts";

export interface PacketFields {
  readonly family?: 4 | 6;
  readonly upper?: "tcp" | "udp";
  readonly payload?: Uint8Array;
  readonly ports?: number;
  /** Last octet of the source address. */
  readonly host?: number;
  readonly sequence?: number;
  readonly acknowledged?: number;
  /** ACK if absent. */
  readonly flags?: number;
  readonly window?: number;
  /** Of TCP, a multiple of 4 bytes. */
  readonly options?: Uint8Array;
  readonly identification?: number;
  readonly dontFragment?: boolean;
  readonly hopLimit?: number;
  readonly trafficClass?: number;
  /** IPv6 extension headers, the first of them destination options. */
  readonly extensions?: Uint8Array;
}

/** A run of different bytes. */
export function payloadOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >>> 8)) & 0xff);
}

/** An IP packet whose checksum of TCP or UDP is partial: the sum of the pseudo-header alone. */
export function partialPacket(fields: PacketFields): Uint8Array {
  const ip = (fields.family ?? 4) === 4 ? headerOf4(fields) : headerOf6(fields);
  const upper = fields.upper === "udp" ? udpHeader(fields) : tcpHeader(fields);
  const packet = concatBytes(ip, upper, fields.payload ?? new Uint8Array(0));
  const length = packet.length - ip.length;
  const protocol = fields.upper === "udp" ? 17 : 6;
  if (ip[0]! >>> 4 === 4) {
    writeU16(packet, 2, packet.length);
    writeU16(packet, 10, checksum(packet, 0, 20));
  } else writeU16(packet, 4, packet.length - 40);
  const pseudo = ip[0]! >>> 4 === 4 ? pseudoSum4 : pseudoSum6;
  writeU16(packet, ip.length + (protocol === 6 ? 16 : 6), foldSum(pseudo(packet, 0, protocol, length)));
  return packet;
}

function headerOf4(fields: PacketFields): Uint8Array {
  const header = hex("45000000 00000000 40000000 0a2000010a200107");
  header[1] = fields.trafficClass ?? 0;
  writeU16(header, 4, fields.identification ?? 0);
  header[6] = fields.dontFragment === false ? 0 : 0x40;
  header[8] = fields.hopLimit ?? 64;
  header[9] = fields.upper === "udp" ? 17 : 6;
  header[15] = fields.host ?? 1;
  return header;
}

function headerOf6(fields: PacketFields): Uint8Array {
  const header = hex("60012345 00000640 fd000000000000000000000000000001 fd000000000000000000000000000107");
  const protocol = fields.upper === "udp" ? 17 : 6;
  header[7] = fields.hopLimit ?? 64;
  header[23] = fields.host ?? 1;
  header[6] = fields.extensions === undefined ? protocol : 60;
  return concatBytes(header, fields.extensions ?? new Uint8Array(0));
}

function tcpHeader(fields: PacketFields): Uint8Array {
  const options = fields.options ?? new Uint8Array(0);
  const header = new Uint8Array(20 + options.length);
  writeU32(header, 0, fields.ports ?? 0xc350_0050);
  writeU32(header, 4, fields.sequence ?? 1000);
  writeU32(header, 8, fields.acknowledged ?? 77);
  header[12] = (header.length / 4) << 4;
  header[13] = fields.flags ?? 0x10;
  writeU16(header, 14, fields.window ?? 500);
  header.set(options, 20);
  return header;
}

function udpHeader(fields: PacketFields): Uint8Array {
  const header = new Uint8Array(8);
  writeU32(header, 0, fields.ports ?? 0xc350_0035);
  writeU16(header, 4, 8 + (fields.payload?.length ?? 0));
  return header;
}

export interface VnetFields {
  readonly flags?: number;
  readonly type?: number;
  readonly headerLength?: number;
  readonly segmentSize?: number;
  readonly start?: number;
  readonly field?: number;
}

export const ethernetMacs = hex("0a5e0a200107 0a5e0a200001");

/** `packet` in a frame behind a vnet header that says that its checksum is partial, unless `vnet` says otherwise. */
export function frameOf(packet: Uint8Array, vnet: VnetFields = {}): Uint8Array {
  const isIpv4 = packet[0]! >>> 4 === 4;
  const isTcp = packet[isIpv4 ? 9 : 6] === 6;
  const header = new DataView(new ArrayBuffer(10));
  header.setUint8(0, vnet.flags ?? 1);
  header.setUint8(1, vnet.type ?? 0);
  header.setUint16(2, vnet.headerLength ?? 0, true);
  header.setUint16(4, vnet.segmentSize ?? 0, true);
  header.setUint16(6, vnet.start ?? (isIpv4 ? 34 : 54), true);
  header.setUint16(8, vnet.field ?? (isTcp ? 16 : 6), true);
  const etherType = isIpv4 ? hex("0800") : hex("86dd");
  return concatBytes(new Uint8Array(header.buffer), ethernetMacs, etherType, packet);
}
