/**
 * What the machine has to say, in order, until it is polled. Packets are bounded: a driver that does not poll loses
 * packets, as a full socket does. Facts (a session is up, down, …) are never dropped: losing one would leave the node
 * with a wrong picture, and each call makes only a few.
 */
import { Drop } from "../../core/contracts/drop.ts";
import type { EncapsulationOutput, OverlayPacket } from "../../core/contracts/encapsulation.ts";
import type { Endpoint, Millis, PeerId } from "../../core/contracts/values.ts";
import { type RelayedPlace, relayedPlace } from "../../core/wire/relay_endpoint.ts";
import { limits } from "./constants.ts";

export class Outbox {
  /** Takes what is for a place behind a relay: it comes back sealed for the relay, at an address. */
  toRelay: (datagram: Uint8Array, place: RelayedPlace, now: Millis) => void = () => {};
  readonly #lost: (drop: Drop) => void;
  #outputs: EncapsulationOutput[] = [];
  #first = 0;

  /** `lost` counts the datagrams that there was no room for. */
  constructor(lost: (drop: Drop) => void = () => {}) {
    this.#lost = lost;
  }

  /** True when one more packet or datagram would be dropped. */
  get full(): boolean {
    return this.#outputs.length - this.#first >= limits.queuedPackets;
  }

  /** A fact: always kept. */
  push(output: EncapsulationOutput): void {
    this.#outputs.push(output);
  }

  /**
   * A datagram: dropped when the queue is full, as the network might have done. `seeks`: it asks for an answer where none may
   * ever have come from.
   */
  transmit(datagram: Uint8Array, to: Endpoint, now: Millis, seeks = false): void {
    if (this.full) return this.#lost(Drop.queueFull);
    const place = relayedPlace(to);
    if (place === undefined) this.push({ type: "transmit", datagram, to, ...(seeks && { seeks }) });
    else this.toRelay(datagram, place, now);
  }

  /** As {@link transmit}, for what is told to whoever asks: nobody is known by it. */
  refuse(datagram: Uint8Array, to: Endpoint, now: Millis): void {
    if (relayedPlace(to) !== undefined) this.transmit(datagram, to, now);
    else if (this.full) this.#lost(Drop.queueFull);
    else this.push({ type: "transmit", datagram, to, refuses: true });
  }

  /** A packet of a peer: `queueFull`, and it is dropped, when there is no room. */
  deliver(from: PeerId, packet: OverlayPacket): Drop {
    if (this.full) return Drop.queueFull;
    this.push({ type: "packet", from, packet });
    return Drop.none;
  }

  take(): EncapsulationOutput | undefined {
    const output = this.#outputs[this.#first];
    if (output === undefined) return undefined;
    this.#first += 1;
    if (this.#first === this.#outputs.length) {
      this.#outputs = [];
      this.#first = 0;
    }
    return output;
  }
}
