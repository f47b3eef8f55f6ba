/**
 * The turn of the data path: what the main thread has told, then frames from the TAP device, then datagrams from the
 * underlay. It waits in `poll` when there was nothing, and nowhere else, so an idle node costs nothing.
 *
 * Batches are small on purpose: what is read waits inside until its turn, and a larger batch adds to the time of
 * every packet behind it without making one cheaper.
 */
import type { Arena } from "./arena.ts";
import { Drop } from "../contracts/drop.ts";
import type { ArenaPlan } from "./arena_plan.ts";
import { ErrorNumber, type PacketIo } from "./packet_io.ts";
import { Tally, type Telemetry } from "./telemetry.ts";
import type { Train } from "./train.ts";

export interface LoopParts {
  readonly arena: Arena;
  readonly plan: ArenaPlan;
  readonly io: PacketIo;
  /** Descriptor of the eventfd by which the main thread ends a wait. */
  readonly wake: number;
  /** Commands of the main thread; `apply` returns false when the data path is to end. */
  readonly control: { apply(): boolean; readonly hasMore: boolean };
  /** `frame` gives the number of packets that it became. */
  readonly outbound: { frame(offset: number, length: number): number };
  readonly train: Pick<Train, "endTurn" | "useSocket" | "isCrowded">;
  readonly receiver: { receive(): number; useSocket(descriptor: number): void };
  /** Writes what was received to the TAP device. */
  readonly deliver: { flush(): void; useTap(descriptor: number): void };
  /** `wake` tells the main thread of what it was given, if there was something; `tapLost`, that the device is gone. */
  readonly punts: { wake(): void; tapLost(): boolean };
  readonly telemetry: Telemetry;
}

/** Frames or super-frames of the TAP device per turn. */
export const framesPerTurn = 16;
/** Packets after which no more frames are read: a super-frame of tiny segments may be thousands. */
const packetsPerTurn = 1_024;
/** A header of 10 bytes and a frame: an IP packet of 65,535 bytes with an Ethernet header and two VLAN tags. */
const longestRead = 10 + 65_557;
/** In front of a frame: room for nothing but to keep what is written before it inside of the memory. */
const headroom = 64;

const POLLIN = 1;
/**
 * Waits in a row that ended at once with nothing to read, as those for a closed descriptor or an error that stays do. From then
 * on only the main thread is waited for, a moment at a time: an error that nobody can clear must not cost a processor.
 */
const mostFruitless = 8;
const pauseMillis = 10;

export class Loop {
  readonly #parts: LoopParts;
  readonly #frame: number;
  readonly #entries: number;
  readonly #counter: number;
  #tap = -1;
  #socket = -1;
  #fruitless = 0;
  /** The main thread has no room to be told that the device is gone. */
  #owesTapLost = false;

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
    // Of another device nobody need hear any more, and of this one it would be wrong.
    this.#owesTapLost = false;
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
      if (this.turn() > 0) this.#fruitless = 0;
      // What is in the ring was announced once: to wait with commands left in it might be for ever.
      else if (!this.#parts.control.hasMore && !this.#wait()) return;
    }
  }

  /** Carries out what the main thread has told; false when that was to end. */
  obey(): boolean {
    return this.#parts.control.apply();
  }

  /** One turn without waiting; gives how many reads had something. */
  turn(): number {
    const { train, receiver, deliver, punts, telemetry } = this.#parts;
    telemetry.add(Tally.turns, 1);
    const frames = this.#readFrames();
    train.endTurn();
    const trains = receiver.receive();
    deliver.flush();
    if (this.#owesTapLost) this.#owesTapLost = !punts.tapLost();
    punts.wake();
    return frames + trains;
  }

  #readFrames(): number {
    const { io, arena, outbound, train, telemetry } = this.#parts;
    if (this.#tap < 0) return 0;
    let frames = 0;
    for (let packets = 0; frames < framesPerTurn && packets < packetsPerTurn && !train.isCrowded; frames++) {
      const length = io.read(this.#tap, this.#frame + arena.address, longestRead);
      if (length > 0) packets += outbound.frame(this.#frame, length);
      else if (length === ErrorNumber.invalid) telemetry.count(Drop.unsupported, 1);
      else {
        if (length !== ErrorNumber.again && length !== ErrorNumber.interrupted) this.#loseTap();
        break;
      }
    }
    return frames;
  }

  /**
   * Somebody has deleted the device: its descriptor would end every wait at once. A frame that the kernel cannot describe
   * (EINVAL) is gone once it was read, and no more than that.
   */
  #loseTap(): void {
    this.useTap(-1);
    this.#owesTapLost = true;
  }

  /** False when the main thread cannot end a wait any more, because the eventfd is gone. */
  #wait(): boolean {
    const { io, arena, wake, telemetry } = this.#parts;
    telemetry.add(Tally.sleeps, 1);
    const isPausing = this.#fruitless >= mostFruitless;
    const timeout = isPausing || this.#owesTapLost ? pauseMillis : -1;
    const seen = io.poll(this.#entries + arena.address, isPausing ? 1 : 3, timeout);
    // The next wait tries the others once more.
    if (isPausing) this.#fruitless--;
    if (seen <= 0) return true;
    if (arena.view.getInt16(this.#entries + 6, true) === 0) {
      this.#fruitless++;
      return true;
    }
    const read = io.read(wake, this.#counter + arena.address, 8);
    return read >= 0 || read === ErrorNumber.again || read === ErrorNumber.interrupted;
  }
}
