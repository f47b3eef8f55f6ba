/**
 * Cuts super-frames of a TAP into the IP packets that cross the mesh, in place: the headers of a segment are written over the
 * tail of the one before, whose bytes have been sealed out of place by then. So no payload is copied, and a segment
 * must have been consumed before the next one is asked for.
 *
 * What comes out is what the kernel would have sent through an interface without offloads (Linux, tcp_gso_segment and
 * udp_gso_segment), but for the checksum of TCP and UDP, which may stay partial for who completes it at the far end.
 */
import { Drop } from "../contracts/drop.ts";
import { foldSum, sumView } from "../wire/checksum.ts";
import type { Arena } from "./arena.ts";
import {
  checksumField,
  ETHERNET_LENGTH,
  EtherType,
  Gso,
  GSO_ECN,
  IP_START,
  TcpFlag,
  Upper,
  VNET_LENGTH,
  VNET_NEEDS_CHECKSUM,
} from "./super_frame.ts";
import { ArenaPacket } from "./super_frame_packet.ts";

/** Linux cuts TCP no finer (TCP_MIN_GSO_SIZE): one 64-KiB frame is to make no 65,000 records. */
const smallestTcpSegment = 8;
/** What Linux refuses above (UDP_MAX_SEGMENTS). */
const mostDatagrams = 128;
/** 60 of each for IPv4 and TCP, or IPv6 with more extension headers than anybody sends in a bulk flow. */
const longestHeaders = 200;
const endFlags = TcpFlag.fin | TcpFlag.psh;

export class Segmenter {
  readonly #view: DataView;
  /** The packet of the frame, before it was cut, if `protocol` says that it has one. */
  readonly packet: ArenaPacket;
  readonly #template = new DataView(new ArrayBuffer(longestHeaders));
  #type = 0;
  #segmentSize = 0;
  #segments = 0;
  #index = 0;
  #frameLength = 0;
  #identification = 0;
  #headerSum = 0;
  #sequence = 0;
  #flags = 0;

  /** Why `begin` returned 0. */
  drop: Drop = Drop.none;
  /** EtherType of a frame with a well-formed, untagged IP packet; 0 for any other, and then nothing below means anything. */
  protocol = 0;
  ipOffset = 0;
  /** Of the whole; see `length` for that of a segment. */
  ipLength = 0;
  /** Of the longest segment's IP packet. */
  longest = 0;
  /** The checksum of TCP or UDP is partial, at these offsets from the IP header. */
  needsChecksum = false;
  checksumStart = 0;
  checksumOffset = 0;

  /** The IP packet of the segment that `next` has prepared. */
  offset = 0;
  length = 0;

  constructor(arena: Arena) {
    this.#view = arena.view;
    this.packet = new ArenaPacket(arena);
  }

  /**
   * Takes what was read from a TAP: `length` bytes at `offset`, a vnet header and a frame. The number of segments; 1 for what
   * needs no cutting, understood or not; 0 with `drop` set for what cannot be meant.
   */
  begin(offset: number, length: number): number {
    this.#reset();
    if (length < IP_START) return this.#refuse(Drop.malformed);
    const view = this.#view;
    this.#frameLength = length - VNET_LENGTH;
    this.ipOffset = offset + IP_START;
    this.ipLength = this.longest = length - IP_START;
    const etherType = view.getUint16(this.ipOffset - 2);
    if (etherType === EtherType.ipv4 || etherType === EtherType.ipv6) {
      const fault = this.#readPacket(etherType);
      if (fault !== Drop.none) return this.#refuse(fault);
    }
    const type = view.getUint8(offset + 1);
    const needsChecksum = (view.getUint8(offset) & VNET_NEEDS_CHECKSUM) !== 0;
    if (type !== Gso.none) {
      return needsChecksum ? this.#beginSuper(offset, type) : this.#refuse(Drop.malformed);
    }
    this.#segments = 1;
    return needsChecksum ? this.#beginPartial(offset) : 1;
  }

  /**
   * Prepares the next segment; false after the last. `finish` completes a partial checksum, for whoever does not do that.
   * Of a frame that is no IP packet, the one segment is what follows the Ethernet header.
   */
  next(finish: boolean): boolean {
    const index = this.#index;
    if (index >= this.#segments) return false;
    this.#index = index + 1;
    if (this.#segments === 1) {
      this.offset = this.ipOffset;
      this.length = this.ipLength;
    } else this.#cut(index);
    if (finish && this.needsChecksum) this.packet.completeChecksum(this.offset, this.length);
    return true;
  }

  #reset(): void {
    this.drop = Drop.none;
    this.protocol = 0;
    this.needsChecksum = false;
    this.#segments = 0;
    this.#index = 0;
  }

  #refuse(drop: Drop): number {
    this.drop = drop;
    this.#segments = 0;
    return 0;
  }

  #readPacket(etherType: number): Drop {
    const fault = this.packet.parse(this.ipOffset, this.ipLength, etherType);
    if (fault !== Drop.none) return fault;
    this.protocol = etherType;
    this.ipLength = this.longest = this.packet.length;
    return Drop.none;
  }

  /** A whole frame with a partial checksum. */
  #beginPartial(vnet: number): number {
    const view = this.#view;
    const start = view.getUint16(vnet + 6, true);
    const field = view.getUint16(vnet + 8, true);
    if (start < ETHERNET_LENGTH || start + field + 2 > this.#frameLength) return this.#refuse(Drop.malformed);
    if (this.protocol !== 0 && this.packet.isChecksumAt(start - ETHERNET_LENGTH, field)) {
      this.#expectChecksum();
    } else this.#completeAt(start, field);
    return 1;
  }

  #expectChecksum(): void {
    this.needsChecksum = true;
    this.checksumStart = this.packet.upperStart;
    this.checksumOffset = checksumField(this.packet.upper);
  }

  /** A checksum that is not this packet's own, such as that of a packet inside of a tunnel: done at once, as the kernel does. */
  #completeAt(start: number, field: number): void {
    const at = this.ipOffset - ETHERNET_LENGTH + start;
    const sum = ~foldSum(sumView(this.#view, at, this.#frameLength - start)) & 0xffff;
    this.#view.setUint16(at + field, sum === 0 ? 0xffff : sum);
  }

  #beginSuper(vnet: number, type: number): number {
    const view = this.#view;
    const fault = this.#superFault(type);
    if (fault !== Drop.none) return this.#refuse(fault);
    const start = view.getUint16(vnet + 6, true);
    const field = view.getUint16(vnet + 8, true);
    const isRight = start === ETHERNET_LENGTH + this.packet.upperStart &&
      field === checksumField(this.packet.upper);
    if (!isRight) return this.#refuse(Drop.malformed);
    const size = view.getUint16(vnet + 4, true);
    const payload = this.ipLength - this.packet.headerLength;
    const smallest = this.#type === Gso.udp ? 1 : smallestTcpSegment;
    if (size < smallest || payload === 0) return this.#refuse(Drop.malformed);
    const segments = Math.ceil(payload / size);
    if (this.#type === Gso.udp && segments > mostDatagrams) return this.#refuse(Drop.malformed);
    this.#segments = segments;
    this.#expectChecksum();
    if (segments > 1) this.#keepHeaders(size);
    else if (this.#type === Gso.udp) view.setUint16(this.ipOffset + this.checksumStart + 4, 8 + payload);
    return segments;
  }

  /** What a frame must be like to be cut as `type` says. */
  #superFault(type: number): Drop {
    const packet = this.packet;
    this.#type = type & ~GSO_ECN;
    const isTcp = this.#type === Gso.tcp4 || this.#type === Gso.tcp6;
    if (!isTcp && this.#type !== Gso.udp) return Drop.unsupported;
    if (this.protocol === 0) return Drop.unsupported;
    if (packet.upperHeader === 0 || packet.headerLength > longestHeaders) return Drop.malformed;
    if (packet.upper !== (isTcp ? Upper.tcp : Upper.udp)) return Drop.malformed;
    if (isTcp && packet.version !== (this.#type === Gso.tcp4 ? 4 : 6)) return Drop.malformed;
    // Padding behind a super-frame does not exist, and where it ends would be anybody's guess.
    return packet.length === this.#frameLength - ETHERNET_LENGTH ? Drop.none : Drop.malformed;
  }

  #keepHeaders(size: number): void {
    const view = this.#view;
    const ip = this.ipOffset;
    const length = this.packet.headerLength;
    for (let at = 0; at < length; at += 4) this.#template.setInt32(at, view.getInt32(ip + at, true), true);
    this.#segmentSize = size;
    this.longest = length + size;
    const upper = ip + this.checksumStart;
    if (this.packet.upper === Upper.tcp) {
      this.#sequence = view.getInt32(upper + 4);
      this.#flags = view.getUint8(upper + 13);
    }
    if (this.protocol !== EtherType.ipv4) return;
    this.#identification = view.getUint16(ip + 4);
    // The sum of all of the header but total length, identification and the checksum itself (RFC 1624).
    const changing = view.getUint16(ip + 2) + this.#identification + view.getUint16(ip + 10);
    this.#headerSum = sumView(view, ip, this.checksumStart) + 3 * 0xffff - changing;
  }

  #cut(index: number): void {
    const size = this.#segmentSize;
    const rest = this.ipLength - this.packet.headerLength - index * size;
    const ip = this.ipOffset + index * size;
    if (index > 0) {
      const template = this.#template;
      const length = this.packet.headerLength;
      for (let at = 0; at < length; at += 4) this.#view.setInt32(ip + at, template.getInt32(at, true), true);
    }
    this.offset = ip;
    this.length = this.packet.headerLength + (rest < size ? rest : size);
    this.#writeIp(index);
    if (this.packet.upper === Upper.tcp) this.#writeTcp(index, rest <= size);
    else this.#view.setUint16(ip + this.checksumStart + 4, this.length - this.checksumStart);
  }

  #writeIp(index: number): void {
    const view = this.#view;
    const ip = this.offset;
    if (this.protocol === EtherType.ipv6) return view.setUint16(ip + 4, this.length - 40);
    const identification = (this.#identification + index) & 0xffff;
    view.setUint16(ip + 2, this.length);
    view.setUint16(ip + 4, identification);
    view.setUint16(ip + 10, ~foldSum(this.#headerSum + this.length + identification) & 0xffff);
  }

  /** FIN and PSH stay on the last segment, CWR on the first: else it would answer one ECE many times (RFC 3168 §6.1.2). */
  #writeTcp(index: number, isLast: boolean): void {
    const upper = this.offset + this.checksumStart;
    let flags = this.#flags;
    if (!isLast) flags &= ~endFlags;
    if (index > 0) flags &= ~TcpFlag.cwr;
    this.#view.setInt32(upper + 4, (this.#sequence + index * this.#segmentSize) | 0);
    this.#view.setUint8(upper + 13, flags);
  }
}
