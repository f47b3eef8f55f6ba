/**
 * Reads trains of datagrams from the underlay: with UDP_GRO one call gives several datagrams of one sender, all of one
 * size but the last. Where the kernel joins nothing, a call gives one. All that a turn reads lies side by side until what
 * it held is written, so that what was a super-frame on the other side becomes one again here.
 */
import type { Arena } from "./arena.ts";
import { Drop } from "../contracts/drop.ts";
import type { ArenaPlan } from "./arena_plan.ts";
import type { Inbound } from "./inbound.ts";
import { dontWait, type PacketIo } from "./packet_io.ts";
import { sockaddrLength } from "./peer_table.ts";
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
const controlLength = 64;
const controlHeader = 16;
const SOL_UDP = 17;
const UDP_GRO = 104;
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
  readonly #from: number;
  #socket = -1;

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
    this.#from = plan.take(32);
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
    const size = this.#segmentSize(length);
    for (let at = 0; at < length; at += size) {
      const rest = length - at;
      this.#inbound.datagram(buffer + at, rest < size ? rest : size, this.#from, fromLength);
    }
    // An empty datagram is one, too; it is nobody's.
  }

  /** Of each datagram but the last. */
  #segmentSize(length: number): number {
    const { view } = this.#arena;
    const end = this.#cmsg + Math.min(view.getInt32(this.#message + 40, true), controlLength);
    // Other options of the socket may put messages of theirs before it.
    for (let at = this.#cmsg; at + controlHeader + 4 <= end;) {
      const isGro = view.getInt32(at + 8, true) === SOL_UDP && view.getInt32(at + 12, true) === UDP_GRO;
      const size = view.getInt32(at + controlHeader, true);
      if (isGro) return size > 0 && size <= length ? size : length;
      const span = (view.getInt32(at, true) + 7) & ~7;
      if (span < controlHeader) break;
      at += span;
    }
    return length;
  }
}
