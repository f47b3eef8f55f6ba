/**
 * Drives a pure {@link Encapsulation} with a socket and a clock: the thin asynchronous shell around the machine. All
 * other parts of the node reach the machine through it, so that outputs are drained after every call, in order.
 */
import { Drop } from "../contracts/drop.ts";
import type {
  Encapsulation,
  EncapsulationOutput,
  OverlayPacket,
  WayOpening,
} from "../contracts/encapsulation.ts";
import type { Clock, DropCounters, Logger, Timer } from "../contracts/host.ts";
import type { Datagrams } from "../contracts/transport.ts";
import type { Endpoint, Millis, PeerId } from "../contracts/values.ts";

/** Everything but `transmit`, which the driver itself does. */
export type EncapsulationFact = Exclude<EncapsulationOutput, { type: "transmit" }>;

export interface DriverParts<M extends Encapsulation> {
  readonly machine: M;
  readonly datagrams: Datagrams;
  readonly clock: Clock;
  readonly drops: DropCounters;
  readonly log: Logger;
  /** What it throws is logged: one part that fails must not keep the others from the facts behind it. */
  readonly onFact: (fact: EncapsulationFact) => void;
  /** Called when all that follows from a call has been done. */
  readonly onDrained?: () => void;
}

/** A machine that failed on time is not asked again at once: its deadline may still be the one that has passed. */
const afterFailure: Millis = 1_000;

export class EncapsulationDriver<M extends Encapsulation> {
  readonly #parts: DriverParts<M>;
  #timer: Timer | undefined;
  #deadline: Millis | undefined;
  #draining = false;
  #closed = false;
  #heard = false;

  constructor(parts: DriverParts<M>) {
    this.#parts = parts;
    parts.datagrams.receive((datagram, from) =>
      this.#guarded(() =>
        this.call((machine, now) => {
          const drop = machine.handleDatagram(datagram, from, now);
          if (drop === Drop.none) this.#heard = true;
          parts.drops.count(drop);
        })
      )
    );
    parts.datagrams.opened?.((to) => this.#guarded(() => this.#opened(to)));
  }

  #opened(to: Endpoint): void {
    this.call((machine, now) => {
      if (hearsOfWays(machine)) machine.opened(to, now);
    });
  }

  /** True once a datagram was for this node and good. */
  get heard(): boolean {
    return this.#heard;
  }

  /**
   * One call on the machine, then everything that follows from it. A call from within an output joins the same drain.
   * After `close` it does nothing.
   */
  call(step: (machine: M, now: Millis) => void): void {
    if (this.#closed) return;
    try {
      step(this.#parts.machine, this.#parts.clock.now());
    } finally {
      this.#drain();
    }
  }

  seal(peer: PeerId, packet: OverlayPacket): Drop {
    let drop: Drop = Drop.noSession;
    this.call((machine, now) => {
      drop = machine.seal(peer, packet, now);
    });
    return drop;
  }

  /** Sends what is still queued and stops the timer. The machine is not called again. */
  close(): void {
    this.#drain();
    this.#closed = true;
    this.#timer?.cancel();
    this.#timer = undefined;
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
    this.#parts.onDrained?.();
  }

  #poll(): EncapsulationOutput | undefined {
    return this.#parts.machine.poll();
  }

  #handle(output: EncapsulationOutput): void {
    this.#guarded(() => {
      if (output.type === "transmit") this.#transmit(output);
      else this.#parts.onFact(output);
    });
  }

  #transmit({ datagram, to, seeks, refuses }: Extract<EncapsulationOutput, { type: "transmit" }>): void {
    const { datagrams } = this.#parts;
    if (seeks === true && datagrams.seek !== undefined) datagrams.seek(datagram, to);
    else if (refuses === true && datagrams.refuse !== undefined) datagrams.refuse(datagram, to);
    else datagrams.send(datagram, to);
  }

  #guarded(step: () => void): boolean {
    try {
      step();
      return true;
    } catch (error) {
      this.#parts.log.log("error", "A fact or datagram could not be handled", { error });
      return false;
    }
  }

  #schedule(notBefore: Millis = -Infinity): void {
    if (this.#closed) return;
    const wanted = this.#parts.machine.pollTimeout();
    const deadline = wanted && Math.max(wanted, notBefore);
    if (deadline === this.#deadline && this.#timer !== undefined) return;
    this.#timer?.cancel();
    this.#deadline = deadline;
    this.#timer = deadline === undefined ? undefined : this.#parts.clock.timer(deadline, () => this.#fire());
  }

  #fire(): void {
    this.#timer = undefined;
    if (this.#guarded(() => this.call((machine, now) => machine.handleTimeout(now)))) return;
    this.#schedule(this.#parts.clock.now() + afterFailure);
  }
}

function hearsOfWays(machine: Encapsulation): machine is Encapsulation & WayOpening {
  return "opened" in machine;
}
