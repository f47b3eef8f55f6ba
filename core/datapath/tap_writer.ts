/** Frames and super-frames to the TAP device. */
import { Drop } from "../contracts/drop.ts";
import type { PacketIo } from "./packet_io.ts";
import { Tally, type Telemetry } from "./telemetry.ts";

export class TapWriter {
  readonly #io: PacketIo;
  readonly #telemetry: Telemetry;
  #tap = -1;

  constructor(io: PacketIo, telemetry: Telemetry) {
    this.#io = io;
    this.#telemetry = telemetry;
  }

  useTap(descriptor: number): void {
    this.#tap = descriptor;
  }

  /** One frame behind its header for offloads: `count` entries of `struct iovec` at the address `iov`. */
  write(iov: number, count: number): void {
    const written = this.#io.writev(this.#tap, iov, count);
    if (written >= 0) return this.#telemetry.add(Tally.framesOut, 1);
    this.#telemetry.add(Tally.writesRefused, 1);
    this.#telemetry.count(Drop.queueFull, 1);
  }
}
