/** The coalescer's rules as one would write them down for a reader: packets as objects, frames as lists of packets. */
import { concatBytes, copyBytes } from "../../core/wire/bytes.ts";
import { foldSum } from "../../core/wire/checksum.ts";
import { readU16, readU32, writeU16 } from "../../core/wire/field.ts";
import { encodeHex } from "../../core/wire/hex.ts";
import { IpProtocol, pseudoSum } from "../../core/wire/ip.ts";
import { encodeVnet, headerLengthOf, ipOf, resize } from "./super_frame_twin.ts";

export interface Arrived {
  readonly packet: Uint8Array;
  /** Its checksum is partial. */
  readonly isPartial: boolean;
  /** Both MACs, the destination's first. */
  readonly macs: Uint8Array;
}

/** A packet as the rules see it. */
class Read {
  readonly arrived: Arrived;
  readonly bytes: Uint8Array;
  readonly pair: string;
  /** Undefined for what belongs to no flow, or not visibly so. */
  readonly flow: string | undefined;
  readonly isTcp: boolean;
  readonly isFragment: boolean;
  readonly upper: number;
  readonly headerLength: number;
  readonly payload: Uint8Array;
  readonly flags: number;
  #sameness: string | undefined;

  constructor(arrived: Arrived) {
    const ip = ipOf(arrived.packet);
    this.arrived = arrived;
    this.bytes = ip.bytes;
    this.pair = encodeHex(concatBytes(ip.source.bytes, ip.destination.bytes));
    this.isTcp = ip.protocol === IpProtocol.tcp;
    this.isFragment = ip.isFragment;
    this.upper = ip.payloadOffset;
    const hasFlow = !ip.isFragment && (this.isTcp || ip.protocol === IpProtocol.udp);
    this.headerLength = hasFlow ? headerLengthOf(ip) : 0;
    this.payload = ip.bytes.subarray(this.headerLength);
    this.flags = this.isTcp && hasFlow ? ip.bytes[this.upper + 13]! : 0;
    this.flow = hasFlow ? `${this.pair} ${ip.protocol} ${readU32(ip.bytes, this.upper)}` : undefined;
  }

  /** Could begin a frame of several. */
  get mayGrow(): boolean {
    if (this.flow === undefined || !this.arrived.isPartial || this.payload.length === 0) return false;
    if (this.bytes[0]! >>> 4 === 4 && this.upper > 20) return false;
    return !this.isTcp || (this.flags & ~0xc0) === 0x10;
  }

  /** All of the headers that must be alike in one frame, in hex. */
  get sameness(): string {
    return this.#sameness ??= this.#readSameness();
  }

  #readSameness(): string {
    const header = copyBytes(this.bytes, 0, this.headerLength);
    const isIpv4 = header[0]! >>> 4 === 4;
    if (isIpv4) header.fill(0, 2, 6).fill(0, 10, 12);
    else header.fill(0, 4, 6);
    if (this.isTcp) {
      header.fill(0, this.upper + 4, this.upper + 8).fill(0, this.upper + 16, this.upper + 18);
      header[this.upper + 13]! &= ~0x89;
    } else header.fill(0, this.upper + 4, this.upper + 8);
    return encodeHex(header) + encodeHex(this.arrived.macs);
  }

  get sequence(): number {
    return readU32(this.bytes, this.upper + 4);
  }

  /** The number that must follow that of the packet before; undefined where it does not matter. */
  get identification(): number | undefined {
    if (this.bytes[0]! >>> 4 === 6 || (readU16(this.bytes, 6) & 0x4000) !== 0) return undefined;
    return readU16(this.bytes, 4);
  }
}

class Group {
  readonly packets: Read[] = [];
  isOpen = false;

  get payloadLength(): number {
    return this.packets.reduce((sum, { payload }) => sum + payload.length, 0);
  }

  continuesWith(next: Read): boolean {
    const first = this.packets[0]!;
    const length = first.headerLength + this.payloadLength + next.payload.length;
    if (!next.arrived.isPartial || next.payload.length === 0 || length > 65_535) return false;
    if (next.payload.length > first.payload.length || next.sameness !== first.sameness) return false;
    const before = first.identification;
    if (before !== undefined && ((before + this.packets.length) & 0xffff) !== next.identification) {
      return false;
    }
    if (!next.isTcp) return true;
    return (next.flags & 0x80) === 0 && ((first.sequence + this.payloadLength) >>> 0) === next.sequence;
  }

  add(next: Read): void {
    this.packets.push(next);
    const isFirst = this.packets.length === 1;
    const isFull = this.packets.length === 64;
    const isShort = next.payload.length < this.packets[0]!.payload.length;
    this.isOpen = isFirst ? next.mayGrow : !isFull && !isShort && (next.flags & 0x09) === 0;
  }
}

/** The frames that a coalescer writes until it is flushed, as bytes with vnet and Ethernet headers. */
export function coalesced(arrived: readonly Arrived[]): readonly Uint8Array[] {
  const groups: Group[] = [];
  for (const next of arrived.map((one) => new Read(one))) {
    if (next.flow === undefined && next.isFragment) closeBetween(groups, next.pair);
    const open = groups.findLast(({ isOpen, packets }) => isOpen && packets[0]!.flow === next.flow);
    if (open?.continuesWith(next)) {
      open.add(next);
      continue;
    }
    if (open !== undefined) open.isOpen = false;
    // All are written when no more fit, and none of them grows afterwards.
    if (groups.length % 128 === 0) { for (const group of groups) group.isOpen = false; }
    const group = new Group();
    group.add(next);
    const others = groups.filter(({ isOpen }) => isOpen);
    if (group.isOpen && others.length === 16) others[0]!.isOpen = false;
    groups.push(group);
  }
  return groups.map(({ packets }) => frameOf(packets));
}

function closeBetween(groups: readonly Group[], pair: string): void {
  for (const group of groups) if (group.packets[0]!.pair === pair) group.isOpen = false;
}

function frameOf(packets: readonly Read[]): Uint8Array {
  const first = packets[0]!;
  const header = copyBytes(first.bytes, 0, first.headerLength);
  const packet = concatBytes(header, ...packets.map(({ payload }) => payload));
  const isSuper = packets.length > 1;
  const isIpv4 = packet[0]! >>> 4 === 4;
  if (isSuper) {
    resize(packet);
    if (first.isTcp) packet[first.upper + 13]! |= packets.at(-1)!.flags & 0x09;
    else writeU16(packet, first.upper + 4, packet.length - first.upper);
  }
  const { isPartial, macs } = first.arrived;
  const field = first.isTcp ? 16 : 6;
  const length = packet.length - first.upper;
  const sum = foldSum(pseudoSum(packet, first.isTcp ? IpProtocol.tcp : IpProtocol.udp, length));
  if (isPartial) writeU16(packet, first.upper + field, sum);
  const tcpType = (isIpv4 ? 1 : 4) | (first.flags & 0x80);
  const vnet = encodeVnet({
    needsChecksum: isPartial,
    type: !isSuper ? 0 : first.isTcp ? tcpType : 5,
    headerLength: isSuper ? 14 + first.headerLength : 0,
    segmentSize: isSuper ? first.payload.length : 0,
    start: isPartial ? 14 + first.upper : 0,
    field: isPartial ? field : 0,
  });
  const type = isIpv4 ? Uint8Array.of(0x08, 0x00) : Uint8Array.of(0x86, 0xdd);
  return concatBytes(vnet, macs, type, packet);
}
