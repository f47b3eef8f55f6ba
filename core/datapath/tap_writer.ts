/** Frames and super-frames to the TAP device. */
import { Drop } from "../contracts/drop.ts";
import { ErrorNumber, type PacketIo } from "./packet_io.ts";
import { VNET_LENGTH } from "./super_frame.ts";
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
    const telemetry = this.#telemetry;
    if (written >= 0) {
      telemetry.add(Tally.framesOut, 1);
      telemetry.add(Tally.frameBytesOut, written - VNET_LENGTH);
      return;
    }
    telemetry.add(Tally.writesRefused, 1);
    // A device that is down, or gone, is no port that anybody listens on.
    telemetry.count(written === ErrorNumber.again ? Drop.queueFull : Drop.noListener, 1);
  }
}
