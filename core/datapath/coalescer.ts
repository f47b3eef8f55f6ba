/**
 * Joins packets of a flow that came one by one into super-frames for a TAP: the reverse of `segmenter.ts`, so that the
 * stack behind the device is walked once for 46 packets. Only what the kernel would cut into the very same packets again is
 * joined, by the rules of its own receive offload (Linux, tcp_gro_receive).
 *
 * Only packets whose sender vouches for their content are joined, by a partial checksum inside of an authenticated record:
 * to join others, the checksum of each would have to be verified first, which costs more than the join saves.
 *
 * The order within a flow is kept. A frame takes its place when it is opened; a packet that does not continue its flow's
 * open frame ends it.
 */
import { Drop } from "../contracts/drop.ts";
import type { Arena } from "./arena.ts";
import {
  CoalescerFrames,
  framesLength,
  type FrameWriter,
  mostFrames,
  mostJoined,
} from "./coalescer_frames.ts";
import { LARGEST_PACKET, TcpFlag, Upper } from "./super_frame.ts";
import { ArenaPacket } from "./super_frame_packet.ts";

/** Bytes of the arena that a {@link Coalescer} needs for itself. */
export const coalescerLength = framesLength;

/** Flows that can be continued at a time; the one that began first makes way. */
const mostOpen = 16;
const endFlags = TcpFlag.fin | TcpFlag.psh;
/** A segment that a frame may begin with has ACK, perhaps these, and nothing else. */
const congestionFlags = TcpFlag.ece | TcpFlag.cwr;
const dontFragment = 0x4000;

export class Coalescer {
  /** The packet in hand: whoever adds it has parsed it here. */
  readonly packet: ArenaPacket;
  readonly #view: DataView;
  readonly #writer: FrameWriter;
  readonly #frames: CoalescerFrames;
  /** Frames that may grow, in the order in which they were opened, and what tells flows apart at a glance. */
  readonly #open = new Int32Array(mostOpen);
  readonly #marks = new Int32Array(mostOpen);
  #openCount = 0;
  // Of the packet in hand.
  #mark = 0;
  #payload = 0;
  #flags = 0;

  /** Offsets of the 6 bytes of each MAC for the next packet, which are read at once. */
  destinationMac = 0;
  sourceMac = 0;

  /** The {@link coalescerLength} bytes of the arena at offset `at`, a multiple of 8, become its own. */
  constructor(arena: Arena, at: number, writer: FrameWriter) {
    this.#view = arena.view;
    this.#writer = writer;
    this.#frames = new CoalescerFrames(arena, at);
    this.packet = new ArenaPacket(arena);
  }

  /**
   * Takes the packet in hand, which has to stay where it is until `flush`. `key` names its partial checksum,
   * `start << 16 | field` from the IP header, and is 0 if its checksum is whole. `none`, or why the packet was dropped. When
   * no more frames fit, all are written.
   */
  add(key: number): Drop {
    const { packet } = this;
    if (key !== 0 && !this.#isRightKey(key)) return Drop.malformed;
    if (packet.upperHeader === 0 || (packet.hasOptions && packet.version === 6)) this.#addOther();
    else this.#addToFlow(key !== 0);
    return Drop.none;
  }

  /** Writes all that was added. */
  flush(): void {
    this.#openCount = 0;
    this.#frames.flush(this.#writer);
  }

  /** Behind extension headers only who walks them finds a checksum: no sender of this protocol says that it is there. */
  #isRightKey(key: number): boolean {
    const { packet } = this;
    if (packet.version === 6 && packet.hasOptions) return false;
    return packet.isChecksumAt(key >>> 16, key & 0xffff);
  }

  /** A packet of no flow. A fragment is part of one that it does not name: no flow between its addresses may pass it. */
  #addOther(): void {
    const { packet } = this;
    const mayHideFlow = packet.isFragment || packet.hasOptions || isFlowProtocol(packet.upper);
    if (mayHideFlow) this.#closeBetween();
    this.#start(false);
  }

  #addToFlow(isPartial: boolean): void {
    this.#look();
    const at = this.#find();
    if (at >= 0) {
      const frame = this.#open[at]!;
      if (isPartial && this.#continues(frame)) return this.#join(at, frame);
      this.#close(at);
    }
    const frame = this.#start(isPartial);
    if (isPartial && this.#mayGrow()) this.#keepOpen(frame);
  }

  #look(): void {
    const view = this.#view;
    const { packet } = this;
    const upper = packet.offset + packet.upperStart;
    this.#payload = packet.length - packet.headerLength;
    this.#flags = packet.upper === Upper.tcp ? view.getUint8(upper + 13) : 0;
    // The last words of both addresses, and the ports.
    const addresses = packet.offset + (packet.version === 4 ? 12 : 20);
    const destination = packet.offset + (packet.version === 4 ? 16 : 36);
    this.#mark = view.getInt32(addresses) ^ view.getInt32(destination) ^ view.getInt32(upper) ^ packet.upper;
  }

  /** Index of the flow's open frame, or −1. Packets come in runs, so the newest frame is looked at first. */
  #find(): number {
    for (let i = this.#openCount - 1; i >= 0; i--) {
      if (this.#marks[i] === this.#mark && this.#isSameFlow(this.#frames.packet[this.#open[i]!]!)) return i;
    }
    return -1;
  }

  #isSameFlow(first: number): boolean {
    const view = this.#view;
    const { offset, version, upper, upperStart } = this.packet;
    if (view.getUint8(first) >>> 4 !== version) return false;
    if (view.getUint8(first + (version === 4 ? 9 : 6)) !== upper) return false;
    // IPv4 options may differ; a frame that is open has none.
    const firstUpper = first + (version === 4 ? 20 : 40);
    return view.getInt32(firstUpper) === view.getInt32(offset + upperStart) && this.#isSamePair(first);
  }

  /** Source and destination are those of another packet of the same version. */
  #isSamePair(other: number): boolean {
    return this.packet.version === 4 ? this.#isSame(other, 12, 20) : this.#isSame(other, 8, 40);
  }

  /** Bytes `from` to `to` of the packet in hand, whole words, are those of another one. */
  #isSame(other: number, from: number, to: number): boolean {
    const view = this.#view;
    const { offset } = this.packet;
    for (let at = from; at < to; at += 4) {
      if (view.getInt32(other + at) !== view.getInt32(offset + at)) return false;
    }
    return true;
  }

  /** Whether the kernel, cutting the frame with this packet behind it, would get this packet. */
  #continues(frame: number): boolean {
    const frames = this.#frames;
    const payload = this.#payload;
    if (payload === 0 || payload > frames.segmentSize[frame]!) return false;
    if (frames.length[frame]! + payload > LARGEST_PACKET) return false;
    const first = frames.packet[frame]!;
    const { version, upper } = this.packet;
    const isSameIp = version === 4
      ? this.#continuesIpv4(first, frames.joined[frame]!)
      : this.#continuesIpv6(first);
    if (!isSameIp || !frames.isAddressed(frame, this.destinationMac, this.sourceMac)) return false;
    return upper === Upper.udp || this.#continuesTcp(first, frame);
  }

  #continuesIpv4(first: number, joined: number): boolean {
    const view = this.#view;
    const { offset } = this.packet;
    // Version, header length and type of service; flags; TTL and protocol.
    if (view.getInt16(first) !== view.getInt16(offset)) return false;
    const flags = view.getUint16(offset + 6);
    if (view.getUint16(first + 6) !== flags || view.getInt16(first + 8) !== view.getInt16(offset + 8)) {
      return false;
    }
    // A packet that nobody may fragment has a number that nobody reads (RFC 6864 §4.1).
    if ((flags & dontFragment) !== 0) return true;
    return ((view.getUint16(first + 4) + joined) & 0xffff) === view.getUint16(offset + 4);
  }

  #continuesIpv6(first: number): boolean {
    const view = this.#view;
    const { offset } = this.packet;
    return view.getInt32(first) === view.getInt32(offset) &&
      view.getInt16(first + 6) === view.getInt16(offset + 6);
  }

  #continuesTcp(first: number, frame: number): boolean {
    const view = this.#view;
    const { offset, upperStart, headerLength } = this.packet;
    const upper = offset + upperStart;
    if (view.getInt32(upper + 4) !== this.#frames.nextSequence[frame]) return false;
    // Header length, flags and window: all the same, but for what may end a frame. CWR stands on a first segment only.
    const differences = view.getInt32(upper + 12) ^ view.getInt32(first + upperStart + 12);
    if ((differences & ~((endFlags | TcpFlag.cwr) << 16)) !== 0) return false;
    if ((this.#flags & TcpFlag.cwr) !== 0) return false;
    if (view.getInt32(upper + 8) !== view.getInt32(first + upperStart + 8)) return false;
    if (view.getInt16(upper + 18) !== view.getInt16(first + upperStart + 18)) return false;
    return this.#isSame(first, upperStart + 20, headerLength);
  }

  #join(at: number, frame: number): void {
    const frames = this.#frames;
    const { offset, headerLength } = this.packet;
    const payload = this.#payload;
    const flags = this.#flags & endFlags;
    frames.join(frame, offset + headerLength, payload, flags);
    frames.nextSequence[frame] = frames.nextSequence[frame]! + payload;
    const isLast = payload < frames.segmentSize[frame]! || flags !== 0 || frames.joined[frame] === mostJoined;
    if (isLast) this.#close(at);
  }

  #start(isPartial: boolean): number {
    if (this.#frames.count === mostFrames) this.flush();
    const frame = this.#frames.open(this.packet, isPartial, this.#payload);
    this.#frames.address(frame, this.destinationMac, this.sourceMac);
    return frame;
  }

  #mayGrow(): boolean {
    const { upper, hasOptions } = this.packet;
    if (hasOptions || this.#payload === 0) return false;
    return upper === Upper.udp || (this.#flags & ~congestionFlags) === TcpFlag.ack;
  }

  #keepOpen(frame: number): void {
    if (this.#openCount === mostOpen) this.#close(0);
    const { offset, upper, upperStart } = this.packet;
    if (upper === Upper.tcp) {
      this.#frames.nextSequence[frame] = this.#view.getInt32(offset + upperStart + 4) + this.#payload;
    }
    this.#open[this.#openCount] = frame;
    this.#marks[this.#openCount] = this.#mark;
    this.#openCount++;
  }

  #close(at: number): void {
    const last = this.#openCount - 1;
    for (let i = at; i < last; i++) {
      this.#open[i] = this.#open[i + 1]!;
      this.#marks[i] = this.#marks[i + 1]!;
    }
    this.#openCount = last;
  }

  #closeBetween(): void {
    for (let i = this.#openCount - 1; i >= 0; i--) {
      const first = this.#frames.packet[this.#open[i]!]!;
      const isSameVersion = this.#view.getUint8(first) >>> 4 === this.packet.version;
      if (isSameVersion && this.#isSamePair(first)) this.#close(i);
    }
  }
}

function isFlowProtocol(upper: number): boolean {
  return upper === Upper.tcp || upper === Upper.udp;
}
