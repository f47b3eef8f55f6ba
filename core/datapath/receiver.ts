/**
 * Reads trains of datagrams from the underlay: with UDP_GRO one call gives several datagrams of one sender, all of one
 * size but the last. Where the kernel joins nothing, a call gives one. All that a turn reads lies side by side until what
 * it held is written, so that what was a super-frame on the other side becomes one again here.
 *
 * Datagrams to different addresses of this host are never joined, so a train was sent to one of them.
 */
import type { Arena } from "./arena.ts";
import { Drop } from "../contracts/drop.ts";
import type { ArenaPlan } from "./arena_plan.ts";
import type { Inbound } from "./inbound.ts";
import { dontWait, type PacketIo } from "./packet_io.ts";
import { sockaddrLength } from "./peer_table.ts";
import { askedAt, IP_PKTINFO, IPV6_PKTINFO, senderLength, SOL_IP, SOL_IPV6 } from "./source_address.ts";
import type { Telemetry } from "./telemetry.ts";

export interface ReceiverParts {
  readonly arena: Arena;
  readonly plan: ArenaPlan;
  readonly io: PacketIo;
  readonly inbound: Pick<Inbound, "datagram">;
  /**
   * Applied between the reading of datagrams and their opening: the first one of a session can only have been sent after the
   * main thread had told its keys, and must find them.
   */
  readonly control: { apply(): boolean };
  readonly telemetry: Pick<Telemetry, "count">;
}

/** What a turn reads is as much as a TAP device takes in a fraction of a millisecond: trains, or datagrams one by one. */
const bytesPerTurn = 262_144;
const readsPerTurn = 128;
/** Room for the longest train, of which there is as much behind every other one. */
const trainLength = 65_536;

const messageLength = 56;
const iovLength = 16;
/** Of UDP_GRO 24 bytes, of IPV6_PKTINFO 40, and room for what the kernel may add. */
const controlLength = 128;
const controlHeader = 16;
const SOL_UDP = 17;
const UDP_GRO = 104;
/** `struct in6_pktinfo`: address, number of the interface. `struct in_pktinfo`: that number, two addresses. */
const pktinfo6Length = 20;
const pktinfo4Length = 12;
/** In front of an IPv4 address that is mapped. */
const mappedWord = 0xffff;
/** MSG_TRUNC: the datagram was longer than its buffer, which none is that UDP carries. */
const truncated = 0x20;

export class Receiver {
  readonly #arena: Arena;
  readonly #io: PacketIo;
  readonly #inbound: ReceiverParts["inbound"];
  readonly #control: ReceiverParts["control"];
  readonly #telemetry: ReceiverParts["telemetry"];
  readonly #buffers: number;
  readonly #message: number;
  readonly #iov: number;
  readonly #cmsg: number;
  /** Of {@link senderLength} bytes. */
  readonly #from: number;
  #socket = -1;
  /** Of each datagram but the last of the train. */
  #size = 0;

  constructor({ arena, plan, io, inbound, control, telemetry }: ReceiverParts) {
    this.#arena = arena;
    this.#io = io;
    this.#inbound = inbound;
    this.#control = control;
    this.#telemetry = telemetry;
    this.#buffers = plan.take(bytesPerTurn);
    this.#message = plan.take(messageLength);
    this.#iov = plan.take(iovLength);
    this.#cmsg = plan.take(controlLength);
    this.#from = plan.take(senderLength);
    const { view, address } = arena;
    view.setUint32(this.#message, this.#from + address, true);
    view.setUint32(this.#message + 16, this.#iov + address, true);
    view.setUint32(this.#message + 24, 1, true);
    view.setUint32(this.#message + 32, this.#cmsg + address, true);
    view.setUint32(this.#iov + 8, trainLength, true);
  }

  /** The socket to receive from; −1 for none. */
  useSocket(descriptor: number): void {
    this.#socket = descriptor;
  }

  /** Reads what there is, up to what a turn may; gives how many trains there were. What they held waits for its flush. */
  receive(): number {
    if (this.#socket < 0) return 0;
    const end = this.#buffers + bytesPerTurn - trainLength;
    let trains = 0;
    for (let buffer = this.#buffers; buffer <= end && trains < readsPerTurn; trains++) {
      const length = this.#read(buffer);
      if (length < 0) break;
      if (!this.#control.apply()) break;
      this.#split(buffer, length);
      buffer += (length + 63) & ~63;
    }
    return trains;
  }

  #read(buffer: number): number {
    const { view, address } = this.#arena;
    // Both lengths and the flags are the kernel's to change.
    view.setUint32(this.#message + 8, sockaddrLength, true);
    view.setUint32(this.#message + 40, controlLength, true);
    view.setUint32(this.#iov, buffer + address, true);
    return this.#io.recvmsg(this.#socket, this.#message + address, dontWait);
  }

  #split(buffer: number, length: number): void {
    const { view } = this.#arena;
    if ((view.getInt32(this.#message + 48, true) & truncated) !== 0) {
      return this.#telemetry.count(Drop.malformed, 1);
    }
    const fromLength = view.getInt32(this.#message + 8, true);
    this.#readControl(length);
    const size = this.#size;
    for (let at = 0; at < length; at += size) {
      const rest = length - at;
      this.#inbound.datagram(buffer + at, rest < size ? rest : size, this.#from, fromLength);
    }
    // An empty datagram is one, too; it is nobody's.
  }

  /** The size of the datagrams, and the address that they were sent to. */
  #readControl(length: number): void {
    const { view } = this.#arena;
    this.#size = length;
    this.#setAskedAt(0, 0, 0, 0);
    const end = this.#cmsg + Math.min(view.getInt32(this.#message + 40, true), controlLength);
    // Other options of the socket may put messages of theirs between them.
    for (let at = this.#cmsg; at + controlHeader + 4 <= end;) {
      const span = view.getInt32(at, true);
      if (span < controlHeader || span > end - at) break;
      this.#readMessage(at, span - controlHeader, length);
      at += (span + 7) & ~7;
    }
  }

  #readMessage(at: number, dataLength: number, length: number): void {
    const { view } = this.#arena;
    const level = view.getInt32(at + 8, true);
    const type = view.getInt32(at + 12, true);
    const data = at + controlHeader;
    if (level === SOL_UDP && type === UDP_GRO && dataLength >= 4) {
      const size = view.getInt32(data, true);
      if (size > 0 && size <= length) this.#size = size;
    } else if (level === SOL_IPV6 && type === IPV6_PKTINFO && dataLength >= pktinfo6Length) {
      const network = view.getInt32(data);
      const subnet = view.getInt32(data + 4);
      this.#setAskedAt(network, subnet, view.getInt32(data + 8), view.getInt32(data + 12));
    } else if (level === SOL_IP && type === IP_PKTINFO && dataLength >= pktinfo4Length) {
      // The address of this host, not that of the packet: they differ where it was sent to all on a network.
      this.#setAskedAt(0, 0, mappedWord, view.getInt32(data + 4));
    }
  }

  #setAskedAt(a: number, b: number, c: number, d: number): void {
    const { view } = this.#arena;
    const at = this.#from + askedAt;
    view.setInt32(at, a);
    view.setInt32(at + 4, b);
    view.setInt32(at + 8, c);
    view.setInt32(at + 12, d);
  }
}
