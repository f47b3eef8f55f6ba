/** Two data paths back to back, on memory alone: what one sends is what the other receives, a turn at a time. */
import type { Arena } from "./arena.ts";
import { heapArena } from "./arena.ts";
import { type Command, sendCommand } from "./control.ts";
import { arenaLength, createDatapathCore } from "./datapath_core.ts";
import type { Loop } from "./loop.ts";
import { nobleArenaSuites } from "./noble_arena_aead.ts";
import type { PacketIo } from "./packet_io.ts";
import { type Punt, PuntReader } from "./punt.ts";
import { RingConsumer, RingProducer } from "./ring.ts";
import { SessionCells } from "./session_cells.ts";
import { sharedMemory } from "./shared_memory.ts";
import { Telemetry } from "./telemetry.ts";

export const tapDescriptor = 5;
export const socketDescriptor = 6;
const wakeDescriptor = 7;
const again = -11;

/** One call's worth of datagrams, all of `size` bytes but the last. */
export interface SentTrain {
  readonly bytes: Uint8Array;
  readonly size: number;
  /** `sockaddr` of who is to receive it. */
  readonly to: Uint8Array;
}

interface Arrival {
  readonly bytes: Uint8Array;
  readonly size: number;
  readonly from: Uint8Array;
}

export class WiredCore {
  readonly loop: Loop;
  readonly cells: SessionCells;
  readonly telemetry: Telemetry;
  /** Frames for the TAP device to give, and those that were written to it, each behind its vnet header. */
  readonly frames: Uint8Array[] = [];
  readonly written: Uint8Array[] = [];
  readonly sent: SentTrain[] = [];
  readonly arriving: Arrival[] = [];
  /** Results of the next calls that send, instead of what they would give. */
  readonly refusals: number[] = [];
  readonly #arena: Arena = heapArena(arenaLength);
  readonly #control: RingProducer;
  readonly #punts: PuntReader;

  constructor() {
    const memory = sharedMemory();
    this.#control = new RingProducer(memory.control);
    this.#punts = new PuntReader(new RingConsumer(memory.punts));
    this.cells = new SessionCells(memory.cells);
    this.telemetry = new Telemetry(memory.telemetry);
    const suites = new Map(nobleArenaSuites().map((suite) => [suite.name, suite]));
    const io: PacketIo = {
      read: (descriptor, address, length) => this.#read(descriptor, address, length),
      writev: (_, iov, count) => this.#writev(iov, count),
      recvmsg: (_, message) => this.#receive(message),
      sendmsg: (_, message) => this.#send(message),
      poll: () => 0,
    };
    this.loop = createDatapathCore({ arena: this.#arena, io, memory, wake: wakeDescriptor, suites });
  }

  tell(...commands: readonly Command[]): void {
    for (const command of commands) sendCommand(this.#control, command);
  }

  /** Turns until nothing is left to do. */
  settle(): void {
    this.loop.obey();
    while (this.loop.turn() > 0) this.loop.obey();
  }

  punted(): readonly Punt[] {
    const all: Punt[] = [];
    for (let punt = this.#punts.next(); punt !== undefined; punt = this.#punts.next()) all.push(punt);
    return all;
  }

  /** Counters that are not zero. */
  counts(): Record<string, number> {
    const { tallies, drops } = this.telemetry.snapshot();
    const moved = Object.entries({ ...tallies, ...drops }).filter(([, value]) => value !== 0);
    return Object.fromEntries(moved);
  }

  #at(address: number): number {
    return address - this.#arena.address;
  }

  #read(descriptor: number, address: number, length: number): number {
    const frame = descriptor === tapDescriptor ? this.frames.shift() : undefined;
    if (frame === undefined) return again;
    this.#arena.bytes.set(frame.subarray(0, length), this.#at(address));
    return frame.length;
  }

  #writev(iov: number, count: number): number {
    const bytes = this.#gather(iov, count);
    this.written.push(bytes);
    return bytes.length;
  }

  #gather(iov: number, count: number): Uint8Array {
    const { view, bytes } = this.#arena;
    const parts: number[] = [];
    for (let i = 0; i < count; i++) {
      const at = this.#at(iov) + 16 * i;
      const from = this.#at(view.getUint32(at, true));
      parts.push(...bytes.subarray(from, from + view.getUint32(at + 8, true)));
    }
    return Uint8Array.from(parts);
  }

  #send(message: number): number {
    const refusal = this.refusals.shift();
    if (refusal !== undefined) return refusal;
    const { view, bytes } = this.#arena;
    const at = this.#at(message);
    const name = this.#at(view.getUint32(at, true));
    const to = bytes.slice(name, name + view.getUint32(at + 8, true));
    const train = this.#gather(view.getUint32(at + 16, true), view.getUint32(at + 24, true));
    const control = view.getUint32(at + 32, true);
    const size = control === 0 ? train.length : view.getUint16(this.#at(control) + 16, true);
    this.sent.push({ bytes: train, size, to });
    return train.length;
  }

  #receive(message: number): number {
    const arrival = this.arriving.shift();
    if (arrival === undefined) return again;
    const { view, bytes } = this.#arena;
    const at = this.#at(message);
    bytes.set(arrival.from, this.#at(view.getUint32(at, true)));
    view.setUint32(at + 8, arrival.from.length, true);
    bytes.set(arrival.bytes, this.#at(view.getUint32(this.#at(view.getUint32(at + 16, true)), true)));
    const control = this.#at(view.getUint32(at + 32, true));
    view.setUint32(at + 40, 24, true);
    view.setInt32(control + 8, 17, true);
    view.setInt32(control + 12, 104, true);
    view.setInt32(control + 16, arrival.size, true);
    return arrival.bytes.length;
  }
}
