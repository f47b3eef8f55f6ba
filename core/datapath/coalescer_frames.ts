/**
 * Frames that wait to be written to a TAP, each as a list of `struct iovec`: vnet and Ethernet header from here, the first
 * packet whole, of the others the payloads, all where they were opened. No payload is copied; of the first packet the
 * headers are rewritten in place, when the frame is written and it is known what it has become.
 */
import { foldSum, sumView } from "../wire/checksum.ts";
import type { Arena } from "./arena.ts";
import {
  checksumField,
  ETHERNET_LENGTH,
  Gso,
  GSO_ECN,
  IP_START,
  pseudoSumOf,
  TcpFlag,
  Upper,
  VNET_LENGTH,
  VNET_NEEDS_CHECKSUM,
} from "./super_frame.ts";
import type { ArenaPacket } from "./super_frame_packet.ts";

/** Writes a frame: `count` iovecs at the address `iov`. What fails is the writer's to count. */
export interface FrameWriter {
  write(iov: number, count: number): void;
}

/** Packets of one frame: Linux refuses UDP above 128, takes 1,024 iovecs, and 64 KiB of TCP have 46 packets of 1,400 bytes. */
export const mostJoined = 64;
/** Frames at a time. */
export const mostFrames = 128;

const iovecLength = 16;
/** Room for vnet and Ethernet header that keeps the iovecs behind it aligned. */
const headerRoom = 32;
const stride = headerRoom + (mostJoined + 1) * iovecLength;
export const framesLength = mostFrames * stride;

export class CoalescerFrames {
  readonly #arena: Arena;
  readonly #view: DataView;
  readonly #at: number;
  /** Of the first packet's IP header. */
  readonly packet = new Int32Array(mostFrames);
  /** Of the IP packet that the frame has become. */
  readonly length = new Int32Array(mostFrames);
  /** Payload of each packet but the last. */
  readonly segmentSize = new Int32Array(mostFrames);
  readonly joined = new Int32Array(mostFrames);
  readonly nextSequence = new Int32Array(mostFrames);
  readonly #upper = new Uint8Array(mostFrames);
  readonly #upperStart = new Int32Array(mostFrames);
  readonly #headerLength = new Int32Array(mostFrames);
  readonly #isPartial = new Uint8Array(mostFrames);
  /** Flags of TCP that the last packet adds. */
  readonly #endFlags = new Uint8Array(mostFrames);
  #count = 0;

  /** The {@link framesLength} bytes at offset `at` of the arena are this list's own; `at` is a multiple of 8. */
  constructor(arena: Arena, at: number) {
    this.#arena = arena;
    this.#view = arena.view;
    this.#at = at;
    // The upper halves of addresses and lengths stay zero.
    arena.bytes.fill(0, at, at + framesLength);
  }

  get count(): number {
    return this.#count;
  }

  /** Starts a frame with a packet of `payload` bytes above its headers, and returns its number. */
  open(packet: ArenaPacket, isPartial: boolean, payload: number): number {
    const frame = this.#count;
    this.#count = frame + 1;
    this.packet[frame] = packet.offset;
    this.length[frame] = packet.length;
    this.segmentSize[frame] = payload;
    this.joined[frame] = 1;
    this.#upper[frame] = packet.upper;
    this.#upperStart[frame] = packet.upperStart;
    this.#headerLength[frame] = packet.headerLength;
    this.#isPartial[frame] = isPartial ? 1 : 0;
    this.#endFlags[frame] = 0;
    const header = this.#at + frame * stride;
    this.#putVector(header + headerRoom, header, IP_START);
    this.#putVector(header + headerRoom + iovecLength, packet.offset, packet.length);
    return frame;
  }

  /** The Ethernet header of a frame that was opened; the MACs lie at these offsets. */
  address(frame: number, destination: number, source: number): void {
    const view = this.#view;
    const at = this.#at + frame * stride + VNET_LENGTH;
    view.setInt32(at, view.getInt32(destination));
    view.setInt16(at + 4, view.getInt16(destination + 4));
    view.setInt32(at + 6, view.getInt32(source));
    view.setInt16(at + 10, view.getInt16(source + 4));
    view.setUint16(at + 12, view.getUint8(this.packet[frame]!) >>> 4 === 4 ? 0x0800 : 0x86dd);
  }

  isAddressed(frame: number, destination: number, source: number): boolean {
    const view = this.#view;
    const at = this.#at + frame * stride + VNET_LENGTH;
    return view.getInt32(at) === view.getInt32(destination) &&
      view.getInt16(at + 4) === view.getInt16(destination + 4) &&
      view.getInt32(at + 6) === view.getInt32(source) && view.getInt16(at + 10) === view.getInt16(source + 4);
  }

  /** Adds a payload; `flags` are those of its TCP header that the last packet alone may have. */
  join(frame: number, at: number, length: number, flags: number): void {
    const joined = this.joined[frame]!;
    this.#putVector(
      this.#at + frame * stride + headerRoom + (joined + 1) * iovecLength,
      at,
      length,
    );
    this.joined[frame] = joined + 1;
    this.length[frame]! += length;
    this.#endFlags[frame] = flags;
  }

  /** Writes all frames in the order in which they were opened, and forgets them. */
  flush(writer: FrameWriter): void {
    const count = this.#count;
    for (let frame = 0; frame < count; frame++) {
      this.#seal(frame);
      const vectors = this.#at + frame * stride + headerRoom;
      writer.write(this.#arena.address + vectors, this.joined[frame]! + 1);
    }
    this.#count = 0;
  }

  #putVector(vector: number, at: number, length: number): void {
    this.#view.setInt32(vector, (this.#arena.address + at) | 0, true);
    this.#view.setInt32(vector + 8, length, true);
  }

  #seal(frame: number): void {
    const vnet = this.#at + frame * stride;
    this.#view.setInt32(vnet, 0);
    this.#view.setInt32(vnet + 4, 0);
    this.#view.setInt16(vnet + 8, 0);
    if (this.joined[frame]! > 1) this.#becomeSuper(frame, vnet);
    if (this.#isPartial[frame] === 1) this.#leavePartial(frame, vnet);
  }

  #becomeSuper(frame: number, vnet: number): void {
    const view = this.#view;
    const packet = this.packet[frame]!;
    const length = this.length[frame]!;
    const isIpv4 = view.getUint8(packet) >>> 4 === 4;
    if (isIpv4) this.#writeLength4(packet, length);
    else view.setUint16(packet + 4, length - 40);
    let type: number = Gso.udp;
    const upper = packet + this.#upperStart[frame]!;
    if (this.#upper[frame] === Upper.tcp) {
      const flags = view.getUint8(upper + 13);
      view.setUint8(upper + 13, flags | this.#endFlags[frame]!);
      type = (isIpv4 ? Gso.tcp4 : Gso.tcp6) | ((flags & TcpFlag.cwr) === 0 ? 0 : GSO_ECN);
    } else view.setUint16(upper + 4, length - this.#upperStart[frame]!);
    view.setUint8(vnet + 1, type);
    // Zero for what is not cut: the kernel refuses a frame whose headers end beyond it.
    view.setUint16(vnet + 2, ETHERNET_LENGTH + this.#headerLength[frame]!, true);
    view.setUint16(vnet + 4, this.segmentSize[frame]!, true);
  }

  #writeLength4(packet: number, length: number): void {
    const view = this.#view;
    view.setUint16(packet + 2, length);
    view.setUint16(packet + 10, 0);
    view.setUint16(packet + 10, ~foldSum(sumView(view, packet, 20)) & 0xffff);
  }

  #leavePartial(frame: number, vnet: number): void {
    const view = this.#view;
    const packet = this.packet[frame]!;
    const upper = this.#upper[frame]!;
    const start = this.#upperStart[frame]!;
    const field = checksumField(upper);
    const sum = foldSum(pseudoSumOf(view, packet, upper, this.length[frame]! - start));
    view.setUint16(packet + start + field, sum);
    view.setUint8(vnet, VNET_NEEDS_CHECKSUM);
    view.setUint16(vnet + 6, ETHERNET_LENGTH + start, true);
    view.setUint16(vnet + 8, field, true);
  }
}
