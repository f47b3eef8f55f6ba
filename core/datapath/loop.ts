/**
 * The turn of the data path: what the main thread has told, then frames from the TAP device, then datagrams from the
 * underlay. It waits in `poll` when there was nothing, and nowhere else, so an idle node costs nothing.
 *
 * Batches are small on purpose: what is read waits inside until its turn, and a larger batch adds to the time of
 * every packet behind it without making one cheaper.
 */
import type { Arena } from "./arena.ts";
import type { ArenaPlan } from "./arena_plan.ts";
import { ErrorNumber, type PacketIo } from "./packet_io.ts";

export interface LoopParts {
  readonly arena: Arena;
  readonly plan: ArenaPlan;
  readonly io: PacketIo;
  /** Descriptor of the eventfd by which the main thread ends a wait. */
  readonly wake: number;
  /** Commands of the main thread; `apply` returns false when the data path is to end. */
  readonly control: { apply(): boolean };
  readonly outbound: { frame(offset: number, length: number): void };
  readonly train: { flush(): void; useSocket(descriptor: number): void };
  readonly receiver: { receive(): number; useSocket(descriptor: number): void };
  /** Writes what was received to the TAP device. */
  readonly deliver: { flush(): void; useTap(descriptor: number): void };
  /** `wake` tells the main thread of what it was given, if there was something; `tapLost`, that the device is gone. */
  readonly punts: { wake(): void; tapLost(): void };
}

/** Frames or super-frames of the TAP device per turn. */
export const framesPerTurn = 16;
/** A header of 10 bytes and a frame: an IP packet of 65,535 bytes with an Ethernet header and two VLAN tags. */
const longestRead = 10 + 65_557;
/** In front of a frame: room for nothing but to keep what is written before it inside of the memory. */
const headroom = 64;

const POLLIN = 1;

export class Loop {
  readonly #parts: LoopParts;
  readonly #frame: number;
  readonly #entries: number;
  readonly #counter: number;
  #tap = -1;
  #socket = -1;

  constructor(parts: LoopParts) {
    this.#parts = parts;
    const { plan, arena, wake } = parts;
    this.#frame = plan.take(headroom + longestRead) + headroom;
    this.#entries = plan.take(3 * 8);
    this.#counter = plan.take(8);
    for (let i = 0; i < 3; i++) arena.view.setInt16(this.#entries + 8 * i + 4, POLLIN, true);
    arena.view.setInt32(this.#entries, wake, true);
    this.useTap(-1);
    this.useSocket(-1);
  }

  /** The TAP device to read and write; −1 for none. */
  useTap(descriptor: number): void {
    this.#tap = descriptor;
    this.#parts.deliver.useTap(descriptor);
    // poll(2) passes over negative descriptors.
    this.#parts.arena.view.setInt32(this.#entries + 8, descriptor, true);
  }

  useSocket(descriptor: number): void {
    this.#socket = descriptor;
    this.#parts.train.useSocket(descriptor);
    this.#parts.receiver.useSocket(descriptor);
    this.#parts.arena.view.setInt32(this.#entries + 16, this.#socket, true);
  }

  /** Until the main thread ends it. */
  run(): void {
    for (;;) {
      if (!this.obey()) return;
      if (this.turn() === 0) this.#wait();
    }
  }

  /** Carries out what the main thread has told; false when that was to end. */
  obey(): boolean {
    return this.#parts.control.apply();
  }

  /** One turn without waiting; gives how many reads had something. */
  turn(): number {
    const { train, receiver, deliver, punts } = this.#parts;
    const frames = this.#readFrames();
    train.flush();
    const trains = receiver.receive();
    deliver.flush();
    punts.wake();
    return frames + trains;
  }

  #readFrames(): number {
    const { io, arena, outbound } = this.#parts;
    if (this.#tap < 0) return 0;
    for (let frames = 0; frames < framesPerTurn; frames++) {
      const length = io.read(this.#tap, this.#frame + arena.address, longestRead);
      if (length < 0) {
        if (length !== ErrorNumber.again && length !== ErrorNumber.interrupted) this.#loseTap();
        return frames;
      }
      outbound.frame(this.#frame, length);
    }
    return framesPerTurn;
  }

  /** Somebody has deleted the device: its descriptor would end every wait at once. */
  #loseTap(): void {
    this.useTap(-1);
    this.#parts.punts.tapLost();
  }

  #wait(): void {
    const { io, arena, wake } = this.#parts;
    const seen = io.poll(this.#entries + arena.address, 3, -1);
    const isWoken = seen > 0 && arena.view.getInt16(this.#entries + 6, true) !== 0;
    if (isWoken) io.read(wake, this.#counter + arena.address, 8);
  }
}
