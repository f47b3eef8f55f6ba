/** Two data paths back to back, on memory alone: what one sends is what the other receives, a turn at a time. */
import type { Arena } from "./arena.ts";
import type { ArenaAeadSuite } from "./arena_aead.ts";
import { heapArena } from "./arena.ts";
import { type Command, sendCommand } from "./control.ts";
import { arenaLength, createDatapathCore } from "./datapath_core.ts";
import type { Loop } from "./loop.ts";
import { nobleArenaSuites } from "./noble_arena_aead.ts";
import type { PacketIo } from "./packet_io.ts";
import { type Punt, PuntReader } from "./punt.ts";
import { RingConsumer, RingProducer } from "./ring.ts";
import { SessionCells } from "./session_cells.ts";
import { type SharedMemory, sharedMemory } from "./shared_memory.ts";
import { Telemetry } from "./telemetry.ts";
import { concatBytes } from "../wire/bytes.ts";

export const tapDescriptor = 5;
export const socketDescriptor = 6;
const wakeDescriptor = 7;
const again = -11;
const volumes = new Set<string>([
  ...["datagramsIn", "datagramBytesIn", "datagramsOut", "datagramBytesOut", "framesIn", "frameBytesIn"],
  ...["frameBytesOut", "turns", "sleeps", "punted"],
  ...["packetBytesSent", "packetBytesDelivered"],
]);

/** One call's worth of datagrams, all of `size` bytes but the last. */
export interface SentTrain {
  readonly bytes: Uint8Array;
  readonly size: number;
  /** `sockaddr` of who is to receive it. */
  readonly to: Uint8Array;
  /** Address of this host that it leaves from, as in the control message; none, if the system chooses. */
  readonly source?: Uint8Array;
}

export interface ControlMessage {
  readonly level: number;
  readonly type: number;
  readonly data: Uint8Array;
  /** What its header says of its length, if not the truth. */
  readonly said?: number;
}

export interface Arrival {
  readonly bytes: Uint8Array;
  readonly size: number;
  readonly from: Uint8Array;
  readonly isTruncated?: boolean;
  /** Control messages behind that of the size. */
  readonly messages?: readonly ControlMessage[];
}

/** Where a core runs, if not on memory of its own. */
export interface WiredCoreParts {
  /** Of a core that was there before, with another ring for commands. */
  readonly memory?: SharedMemory;
  /** Of {@link arenaLength} bytes, all zero: for suites of a library, which need one with real addresses. */
  readonly arena?: Arena;
  /** Lets faults in between the core and its system calls. */
  readonly between?: (io: PacketIo) => PacketIo;
}

export class WiredCore {
  readonly loop: Loop;
  readonly cells: SessionCells;
  readonly telemetry: Telemetry;
  /** Microseconds that were slept. */
  readonly pauses: number[] = [];
  /** On the clock of the machine. */
  millis = 0;
  /** Frames for the TAP device to give, and those that were written to it, each behind its vnet header. */
  readonly frames: Uint8Array[] = [];
  readonly written: Uint8Array[] = [];
  readonly sent: SentTrain[] = [];
  readonly arriving: Arrival[] = [];
  /** Results of the next calls that send, instead of what they would give. */
  readonly refusals: number[] = [];
  /** The same of calls that read the TAP device, and of those that receive. */
  readonly readFaults: number[] = [];
  readonly receiveFaults: number[] = [];
  /** Of each `poll` how many entries it had and how long it was to last. */
  readonly polls: { readonly entries: number; readonly timeout: number }[] = [];
  /** What a wait does: sets the events of entries and gives how many. Nothing happens, if it is not told. */
  wait: (setEvents: (entry: number, events: number) => void) => number = () => 0;
  readonly punts: PuntReader;
  readonly control: RingProducer;
  readonly memory: SharedMemory;
  readonly #arena: Arena;

  /** Of a read of the eventfd. */
  wakeResult = 8;

  /** `suites`: noble's, if absent. */
  constructor(suites: readonly ArenaAeadSuite[] = nobleArenaSuites(), parts: WiredCoreParts = {}) {
    const { memory = sharedMemory(), arena = heapArena(arenaLength), between = (io) => io } = parts;
    this.memory = memory;
    this.#arena = arena;
    this.control = new RingProducer(memory.control);
    this.punts = new PuntReader(new RingConsumer(memory.punts));
    this.cells = new SessionCells(memory.cells);
    this.telemetry = new Telemetry(memory.telemetry);
    const io: PacketIo = {
      read: (descriptor, address, length) => this.#read(descriptor, address, length),
      writev: (_, iov, count) => this.#writev(iov, count),
      recvmsg: (_, message) => this.#receive(message),
      sendmsg: (_, message) => this.#send(message),
      poll: (entries, count, timeout) => this.#poll(entries, count, timeout),
      clockMonotonic: (address) => this.#tell(address),
      pause: (micros) => {
        this.pauses.push(micros);
        return 0;
      },
    };
    this.loop = createDatapathCore({
      arena,
      io: between(io),
      memory,
      wake: wakeDescriptor,
      suites: new Map(suites.map((suite) => [suite.name, suite])),
    });
  }

  tell(...commands: readonly Command[]): void {
    for (const command of commands) {
      // deno-lint-ignore selvage/no-throw-in-datapath -- a mistake of the test
      if (!sendCommand(this.control, command)) throw new Error("the control ring is full");
    }
  }

  /** Turns until nothing is left to do. */
  settle(): void {
    do {
      if (!this.loop.obey()) return;
    } while (this.loop.turn() > 0 || !this.control.isDrained);
  }

  punted(): readonly Punt[] {
    const all: Punt[] = [];
    for (let punt = this.punts.next(); punt !== undefined; punt = this.punts.next()) all.push(punt);
    return all;
  }

  /** Counters that are not zero, of what became of packets; how much there was is in `telemetry`. */
  counts(): Record<string, number> {
    const { tallies, drops } = this.telemetry.snapshot();
    const moved = Object.entries({ ...tallies, ...drops });
    return Object.fromEntries(moved.filter(([name, value]) => value !== 0 && !volumes.has(name)));
  }

  #tell(address: number): number {
    const { view } = this.#arena;
    view.setInt32(this.#at(address), Math.floor(this.millis / 1000), true);
    view.setInt32(this.#at(address) + 8, (this.millis % 1000) * 1e6, true);
    return 0;
  }

  #poll(entries: number, count: number, timeout: number): number {
    this.polls.push({ entries: count, timeout });
    // deno-lint-ignore selvage/no-throw-in-datapath -- fails the test
    if (this.polls.length > 1_000) throw new Error("the loop spins, or was never told to stop");
    const { view } = this.#arena;
    for (let i = 0; i < count; i++) view.setInt16(this.#at(entries) + 8 * i + 6, 0, true);
    return this.wait((entry, events) => view.setInt16(this.#at(entries) + 8 * entry + 6, events, true));
  }

  #at(address: number): number {
    return address - this.#arena.address;
  }

  #read(descriptor: number, address: number, length: number): number {
    if (descriptor === wakeDescriptor) return this.wakeResult;
    if (descriptor !== tapDescriptor) return again;
    const fault = this.readFaults.shift();
    if (fault !== undefined) return fault;
    const frame = this.frames.shift();
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
    const parts = Array.from({ length: count }, (_, i) => {
      const at = this.#at(iov) + 16 * i;
      const from = this.#at(view.getUint32(at, true));
      return bytes.subarray(from, from + view.getUint32(at + 8, true));
    });
    return concatBytes(...parts);
  }

  #send(message: number): number {
    const refusal = this.refusals.shift();
    if (refusal !== undefined) return refusal;
    const { view, bytes } = this.#arena;
    const at = this.#at(message);
    const name = this.#at(view.getUint32(at, true));
    const to = bytes.slice(name, name + view.getUint32(at + 8, true));
    const train = this.#gather(view.getUint32(at + 16, true), view.getUint32(at + 24, true));
    let size = train.length;
    let source = new Uint8Array(0);
    for (const { level, type, data } of this.#messages(at)) {
      if (level === 17 && type === 103) size = data[0]! | (data[1]! << 8);
      else source = level === 41 && type === 50 ? data.slice(0, 16) : data.slice(4, 8);
    }
    this.sent.push({ bytes: train, size, to, ...(source.length === 0 ? {} : { source }) });
    return train.length;
  }

  /** As the kernel reads them, which takes no length that is wrong. */
  #messages(message: number): ControlMessage[] {
    const { view, bytes } = this.#arena;
    const all: ControlMessage[] = [];
    const end = this.#at(view.getUint32(message + 32, true)) + view.getUint32(message + 40, true);
    for (let at = end - view.getUint32(message + 40, true); at < end;) {
      const [length, level, type] = [0, 8, 12].map((field) => view.getUint32(at + field, true));
      const expected = level === 17 ? 18 : level === 41 ? 36 : 28;
      // deno-lint-ignore selvage/no-throw-in-datapath -- fails the test
      if (length !== expected || at + length > end) throw new Error(`a control message of ${length} bytes`);
      all.push({ level: level!, type: type!, data: bytes.slice(at + 16, at + length) });
      at += (length + 7) & ~7;
    }
    return all;
  }

  #receive(message: number): number {
    const fault = this.receiveFaults.shift();
    if (fault !== undefined) return fault;
    const arrival = this.arriving.shift();
    if (arrival === undefined) return again;
    const { view, bytes } = this.#arena;
    const at = this.#at(message);
    bytes.set(arrival.from, this.#at(view.getUint32(at, true)));
    view.setUint32(at + 8, arrival.from.length, true);
    bytes.set(arrival.bytes, this.#at(view.getUint32(this.#at(view.getUint32(at + 16, true)), true)));
    const control = this.#at(view.getUint32(at + 32, true));
    view.setInt32(at + 48, arrival.isTruncated === true ? 0x20 : 0, true);
    const size = new Uint8Array(4);
    new DataView(size.buffer).setInt32(0, arrival.size, true);
    let end = control;
    const sizes: ControlMessage = { level: 17, type: 104, data: size };
    for (const { level, type, data, said } of [sizes, ...arrival.messages ?? []]) {
      view.setInt32(end, said ?? 16 + data.length, true);
      view.setInt32(end + 4, 0);
      view.setInt32(end + 8, level, true);
      view.setInt32(end + 12, type, true);
      bytes.set(data, end + 16);
      end += (16 + data.length + 7) & ~7;
    }
    view.setUint32(at + 40, end - control, true);
    return arrival.bytes.length;
  }
}
