/**
 * Two data paths with everything around them made of numbers and memory that is there from the start, so that whatever is
 * allocated while packets cross is the data path's own. The cipher copies: what it costs does not matter here.
 */
import { encodeEthernet, EtherType } from "../../core/wire/ethernet.ts";
import { parseFlow } from "../../core/wire/flow.ts";
import { macOfAddress } from "../../core/wire/mac.ts";
import { encodeUdp } from "../../core/wire/udp.ts";
import type { Address } from "../../core/contracts/values.ts";
import { type Arena, heapArena } from "../../core/datapath/arena.ts";
import type { ArenaAeadKey, ArenaAeadSuite } from "../../core/datapath/arena_aead.ts";
import { type Command, sendCommand } from "../../core/datapath/control.ts";
import { arenaLength, createDatapathCore } from "../../core/datapath/datapath_core.ts";
import type { Loop } from "../../core/datapath/loop.ts";
import type { PacketIo } from "../../core/datapath/packet_io.ts";
import { RingConsumer, RingProducer } from "../../core/datapath/ring.ts";
import { SessionCells } from "../../core/datapath/session_cells.ts";
import { sharedMemory } from "../../core/datapath/shared_memory.ts";
import { IP_START } from "../../core/datapath/super_frame.ts";
import { Telemetry } from "../../core/datapath/telemetry.ts";
import { tapDescriptor } from "../../core/datapath/wired_cores_fixture.ts";
import { sockaddr, superFrame } from "../../core/datapath/wired_pair_fixture.ts";

const again = -11;
/** A multiple of the frames that a side is given. */
export const framesPerTurn = 15;
const trains = 64;
const trainLength = 65_536;
const tagLength = 16;

/** From one side to the other: trains of datagrams, each in memory of its own. */
class Wire {
  readonly #view = new DataView(new ArrayBuffer(trains * trainLength));
  readonly #lengths = new Int32Array(trains);
  readonly #sizes = new Int32Array(trains);
  #written = 0;
  #read = 0;
  size = 0;

  put(from: Arena, at: number, length: number, size: number): void {
    if (this.#written - this.#read === trains) throw new Error("the wire is full");
    const train = this.#written++ & (trains - 1);
    copyWords(from.view, at, this.#view, train * trainLength, length);
    this.#lengths[train] = length;
    this.#sizes[train] = size;
  }

  /** The length of the next train, which is copied to `at`, or −1; its datagrams' is in `size`. */
  take(to: Arena, at: number): number {
    if (this.#read === this.#written) return -1;
    const train = this.#read++ & (trains - 1);
    const length = this.#lengths[train]!;
    copyWords(this.#view, train * trainLength, to.view, at, length);
    this.size = this.#sizes[train]!;
    return length;
  }

  get isEmpty(): boolean {
    return this.#read === this.#written;
  }
}

/** `length` bytes and up to three more. */
// deno-lint-ignore selvage/max-parameters -- numbers only: an object for each copy would be garbage
function copyWords(from: DataView, at: number, to: DataView, out: number, length: number): void {
  for (let i = 0; i < length; i += 4) to.setInt32(out + i, from.getInt32(at + i));
}

/** Sealed is the same with any tag. */
class CopyingKey implements ArenaAeadKey {
  readonly #arena: Arena;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  // deno-lint-ignore selvage/max-parameters -- as the interface has it
  seal(_low: number, _high: number, _header: number, plain: number, length: number, out: number): boolean {
    copyWords(this.#arena.view, plain, this.#arena.view, out, length);
    return true;
  }

  // deno-lint-ignore selvage/max-parameters -- as the interface has it
  open(_low: number, _high: number, _header: number, sealed: number, length: number, out: number): boolean {
    if (out !== sealed) copyWords(this.#arena.view, sealed, this.#arena.view, out, length - tagLength);
    return true;
  }

  free(): void {}
}

export const copying: ArenaAeadSuite = {
  name: "chacha20-poly1305",
  implementation: "a copy",
  key: (_, arena) => new CopyingKey(arena),
};

/** One side. In every turn its TAP device has the same {@link framesPerTurn} frames. */
export class TirelessCore implements PacketIo {
  readonly loop: Loop;
  readonly cells: SessionCells;
  readonly telemetry: Telemetry;
  readonly #arena = heapArena(arenaLength);
  readonly #control: RingProducer;
  readonly #punts: RingConsumer;
  readonly #out: Wire;
  readonly #in: Wire;
  /** Of whoever is at the other end, in the words that a socket gives. */
  readonly #from: DataView;
  #templates: readonly DataView[] = [];
  #left = 0;
  /** Records that were handed to the main thread so far. */
  punted = 0;

  constructor(out: Wire, back: Wire, from: Uint8Array) {
    const memory = sharedMemory();
    this.#out = out;
    this.#in = back;
    this.#from = new DataView(from.buffer);
    this.#control = new RingProducer(memory.control);
    this.#punts = new RingConsumer(memory.punts);
    this.cells = new SessionCells(memory.cells);
    this.telemetry = new Telemetry(memory.telemetry);
    const suites = new Map([[copying.name, copying]]);
    this.loop = createDatapathCore({ arena: this.#arena, io: this, memory, wake: 7, suites });
  }

  tell(...commands: readonly Command[]): void {
    for (const command of commands) sendCommand(this.#control, command);
  }

  settle(): void {
    while (!this.#control.isDrained) this.loop.obey();
  }

  useFrames(frames: readonly Uint8Array[]): void {
    this.#templates = frames.map((frame) => {
      const padded = new Uint8Array(frame.length + 3);
      padded.set(frame);
      return new DataView(padded.buffer);
    });
  }

  turn(): void {
    this.#left = framesPerTurn;
    this.loop.obey();
    do this.loop.turn(); while (!this.#in.isEmpty);
    for (; this.#punts.peek() >= 0; this.#punts.release()) this.punted++;
  }

  read(descriptor: number, address: number, _length: number): number {
    if (descriptor !== tapDescriptor || this.#left === 0 || this.#templates.length === 0) return again;
    const template = this.#templates[--this.#left % this.#templates.length]!;
    const length = template.byteLength - 3;
    copyWords(template, 0, this.#arena.view, address - this.#arena.address, length);
    return length;
  }

  writev(_descriptor: number, iov: number, count: number): number {
    const at = iov - this.#arena.address;
    let length = 0;
    for (let i = 0; i < count; i++) length += this.#arena.view.getInt32(at + 16 * i + 8, true);
    return length;
  }

  sendmsg(_descriptor: number, message: number, _flags: number): number {
    const { view, address } = this.#arena;
    const at = message - address;
    const iov = view.getInt32(at + 16, true) - address;
    const length = view.getInt32(iov + 8, true);
    const control = view.getInt32(at + 32, true);
    const size = control === 0 ? length : view.getUint16(control - address + 16, true);
    this.#out.put(this.#arena, view.getInt32(iov, true) - address, length, size);
    return length;
  }

  recvmsg(_descriptor: number, message: number, _flags: number): number {
    const { view, address } = this.#arena;
    const at = message - address;
    const iov = view.getInt32(at + 16, true) - address;
    const length = this.#in.take(this.#arena, view.getInt32(iov, true) - address);
    if (length < 0) return again;
    copyWords(this.#from, 0, view, view.getInt32(at, true) - address, 16);
    view.setInt32(at + 8, 16, true);
    view.setInt32(at + 40, 24, true);
    view.setInt32(at + 48, 0, true);
    const control = view.getInt32(at + 32, true) - address;
    view.setInt32(control, 20, true);
    view.setInt32(control + 8, 17, true);
    view.setInt32(control + 12, 104, true);
    view.setInt32(control + 16, this.#in.size, true);
    return length;
  }

  poll(): number {
    return 0;
  }

  clockMonotonic(): number {
    return 0;
  }

  pause(): number {
    return 0;
  }
}

export function tirelessPair(): { readonly a: TirelessCore; readonly b: TirelessCore } {
  const [there, back] = [new Wire(), new Wire()];
  return { a: new TirelessCore(there, back, sockaddr(2)), b: new TirelessCore(back, there, sockaddr(1)) };
}

/** What `a` sends goes through `r` to `b`. */
export function tirelessChain(): Readonly<Record<"a" | "r" | "b", TirelessCore>> {
  const [first, second, none] = [new Wire(), new Wire(), new Wire()];
  return {
    a: new TirelessCore(first, none, sockaddr(9)),
    r: new TirelessCore(second, first, sockaddr(1)),
    b: new TirelessCore(none, second, sockaddr(9)),
  };
}

export interface Ends {
  readonly source: Address;
  readonly destination: Address;
  readonly mac: Uint8Array;
}

/** Tells both, which judge packets, that what these frames of a TAP device hold passes from one to the other. */
export function letPass(from: TirelessCore, to: TirelessCore, frames: readonly Uint8Array[]): void {
  const ends = [[from, "egress"], [to, "ingress"]] as const;
  for (const frame of frames) {
    const protocol = frame[IP_START - 2]! * 256 + frame[IP_START - 1]!;
    const flow = parseFlow(protocol, frame.subarray(IP_START));
    if (typeof flow === "number") continue;
    for (const [core, direction] of ends) {
      core.tell({ kind: "verdict", epoch: 0, flow: { ...flow, direction }, allow: true });
    }
  }
}

/** A frame of UDP as a TAP device without offloads would give it, and a super-frame of ten segments of TCP. */
export function framesBetween({ source, destination, mac }: Ends): readonly Uint8Array[] {
  const make = (length: number) => {
    const datagram = { sourcePort: 1000, destinationPort: 2000, payload: new Uint8Array(length) };
    const packet = encodeUdp({ source, destination }, datagram);
    const type = source.family === 4 ? EtherType.ipv4 : EtherType.ipv6;
    const frame = encodeEthernet(macOfAddress(destination), mac, type, packet);
    const whole = new Uint8Array(10 + frame.length);
    whole.set(frame, 10);
    return whole;
  };
  return [make(100), superFrame(make(12 + 1_000), source.family)];
}
