import { Drop } from "../../core/contracts/drop.ts";
import type { OverlayPacket } from "../../core/contracts/encapsulation.ts";

/** A test that waits for more has gone astray; it is told by a drop instead of by memory that runs out. */
const mostDelivered = 10_000;

/** The test's end of a memory port. */
export class PacketTap {
  /** Copies of what the mesh delivered to open endpoints, in order. The test may empty it. */
  readonly delivered: OverlayPacket[] = [];
  #send: ((packet: OverlayPacket) => Drop) | undefined;

  /** A packet from a local endpoint, whatever its source says: `noRoute` while no port is connected. */
  inject(packet: OverlayPacket): Drop {
    return this.#send?.(packet) ?? Drop.noRoute;
  }

  /** For the port. */
  connect(send: (packet: OverlayPacket) => Drop): void {
    this.#send = send;
  }

  /** For the port. */
  record(packet: OverlayPacket): Drop {
    if (this.delivered.length >= mostDelivered) return Drop.queueFull;
    this.delivered.push({ ...packet, payload: new Uint8Array(packet.payload) });
    return Drop.none;
  }
}
