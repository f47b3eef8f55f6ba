/**
 * Drives a pure {@link Encapsulation} with a socket and a clock: the thin asynchronous shell around the machine. All
 * other parts of the node reach the machine through it, so that outputs are drained after every call, in order.
 */
import type { Drop } from "../contracts/drop.ts";
import type { Encapsulation, EncapsulationOutput, OverlayPacket } from "../contracts/encapsulation.ts";
import type { Clock, DropCounters, Timer } from "../contracts/host.ts";
import type { Datagrams } from "../contracts/transport.ts";
import type { Millis, PeerId } from "../contracts/values.ts";

/** Everything but `transmit`, which the driver itself does. */
export type EncapsulationFact = Exclude<EncapsulationOutput, { type: "transmit" }>;

export interface DriverParts<M extends Encapsulation> {
  readonly machine: M;
  readonly datagrams: Datagrams;
  readonly clock: Clock;
  readonly drops: DropCounters;
  readonly onFact: (fact: EncapsulationFact) => void;
}

export class EncapsulationDriver<M extends Encapsulation> {
  readonly #parts: DriverParts<M>;
  #timer: Timer | undefined;
  #deadline: Millis | undefined;
  #draining = false;
  #closed = false;

  constructor(parts: DriverParts<M>) {
    this.#parts = parts;
    parts.datagrams.receive((datagram, from) =>
      this.call((machine, now) => parts.drops.count(machine.handleDatagram(datagram, from, now)))
    );
  }

  /** One call on the machine, then everything that follows from it. A call from within an output joins the same drain. */
  call<T>(step: (machine: M, now: Millis) => T): T {
    const result = step(this.#parts.machine, this.#parts.clock.now());
    this.#drain();
    return result;
  }

  seal(peer: PeerId, packet: OverlayPacket): Drop {
    return this.call((machine, now) => machine.seal(peer, packet, now));
  }

  /** Sends what is still queued and stops the timer. The machine is not called again. */
  close(): void {
    this.#drain();
    this.#closed = true;
    this.#timer?.cancel();
  }

  #drain(): void {
    if (this.#draining || this.#closed) return;
    this.#draining = true;
    try {
      for (let output = this.#poll(); output !== undefined; output = this.#poll()) this.#handle(output);
    } finally {
      this.#draining = false;
    }
    this.#schedule();
  }

  #poll(): EncapsulationOutput | undefined {
    return this.#parts.machine.poll();
  }

  #handle(output: EncapsulationOutput): void {
    if (output.type === "transmit") this.#parts.datagrams.send(output.datagram, output.to);
    else this.#parts.onFact(output);
  }

  #schedule(): void {
    const deadline = this.#parts.machine.pollTimeout();
    if (deadline === this.#deadline && this.#timer !== undefined) return;
    this.#timer?.cancel();
    this.#deadline = deadline;
    this.#timer = deadline === undefined ? undefined : this.#parts.clock.timer(deadline, () => this.#fire());
  }

  #fire(): void {
    this.#timer = undefined;
    if (this.#closed) return;
    this.call((machine, now) => machine.handleTimeout(now));
  }
}
