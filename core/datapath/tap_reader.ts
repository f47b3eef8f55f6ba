/**
 * Takes frames out of the TAP device's queue as soon as they are there, lets them wait by flow, and hands them on in their
 * turn. Per turn of the loop it reads more than it hands on, so that what waits does so here, where it is known whose it is.
 */
import { Drop } from "../contracts/drop.ts";
import type { Arena } from "./arena.ts";
import type { ArenaPlan } from "./arena_plan.ts";
import { FairQueue } from "./fair_queue.ts";
import { flowHash } from "./flow_hash.ts";
import { ErrorNumber, type PacketIo } from "./packet_io.ts";
import type { Telemetry } from "./telemetry.ts";
import { TickClock } from "./tick_clock.ts";

export interface TapReaderParts {
  readonly arena: Arena;
  readonly plan: ArenaPlan;
  readonly io: Pick<PacketIo, "read" | "clockMonotonic">;
  /** Takes a frame behind its header for offloads, and gives the number of packets that it became. */
  readonly outbound: { frame(offset: number, length: number): number };
  /** Nothing more can be sent for now. */
  readonly train: { readonly isCrowded: boolean };
  readonly telemetry: Pick<Telemetry, "count">;
}

/** Frames or super-frames read per turn. */
export const framesPerTurn = 16;
/** Packets handed on per turn: two super-frames, so that no other side of the loop waits long. */
const packetsPerTurn = 96;
/** A header of 10 bytes and a frame: an IP packet of 65,535 bytes with an Ethernet header and two VLAN tags. */
const longestRead = 10 + 65_557;
/**
 * Two megabytes of super-frames, and as many packets of the usual size. The headroom is for the headers that are written in
 * front of a packet.
 */
const places = { longest: longestRead, large: 32, short: 2_048, small: 512, headroom: 64 };
const vnetHeaderLength = 10;
const NONE = -1;

export class TapReader {
  readonly #parts: TapReaderParts;
  readonly #queue: FairQueue;
  readonly #clock: TickClock;
  #tap = NONE;
  #isLost = false;

  constructor(parts: TapReaderParts) {
    this.#parts = parts;
    this.#queue = new FairQueue(parts.plan, places);
    this.#clock = new TickClock(parts.arena, parts.plan, parts.io);
  }

  useTap(descriptor: number): void {
    this.#tap = descriptor;
    this.#isLost = false;
  }

  /** The device cannot be read any more; from `turn` until the next `useTap`. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** Gives how many frames were read or handed on. */
  turn(): number {
    const read = this.#read();
    return this.#queue.waiting === 0 ? read : read + this.#handOn();
  }

  #read(): number {
    const { arena, io, telemetry } = this.#parts;
    let now = NONE;
    for (let frames = 0; frames < framesPerTurn; frames++) {
      if (this.#tap < 0) return frames;
      const at = this.#queue.room();
      const length = io.read(this.#tap, at + arena.address, longestRead);
      if (length > 0) {
        if (now < 0) now = this.#clock.now();
        this.#queue.add(
          arena.bytes,
          length,
          flowHash(arena, at + vnetHeaderLength, length - vnetHeaderLength),
          now,
        );
      } else if (length === ErrorNumber.invalid) {
        // A frame that the kernel cannot describe is gone once it was read, and no more than that.
        telemetry.count(Drop.unsupported, 1);
      } else {
        if (length !== ErrorNumber.again && length !== ErrorNumber.interrupted) this.#lose();
        return frames;
      }
    }
    return framesPerTurn;
  }

  #handOn(): number {
    const { outbound, train, telemetry } = this.#parts;
    const now = this.#clock.now();
    let frames = 0;
    for (let packets = 0; packets < packetsPerTurn && frames < framesPerTurn && !train.isCrowded; frames++) {
      const place = this.#queue.next(now);
      if (place < 0) break;
      packets += outbound.frame(this.#queue.offset(place), this.#queue.length(place));
      this.#queue.release(place);
    }
    telemetry.count(Drop.queueFull, this.#queue.takeDropped());
    return frames;
  }

  #lose(): void {
    this.#tap = NONE;
    this.#isLost = true;
  }
}
