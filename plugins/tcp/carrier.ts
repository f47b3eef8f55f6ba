/**
 * The shell around one connection that carries datagrams: its socket, its queue and its deadlines.
 *
 * Nothing here is authenticated, so a connection proves itself by what the node makes of it. One that was accepted has proved
 * itself when this node answers by more than what any stranger is told; one that was dialled when something comes back. Until
 * then it has ten seconds, and the same, not mere bytes, is what keeps it from idling later: one that was somebody's once must not
 * hold its place by noise.
 */
import type { Clock, Timer } from "../../core/contracts/host.ts";
import type { Endpoint, Millis } from "../../core/contracts/values.ts";
import type { StreamSocket, StreamSocketHandler } from "../../core/runtime/stream_socket.ts";
import { limits } from "./constants.ts";
import { DatagramReader, encodeFrame } from "./datagram_frames.ts";
import { DatagramQueue } from "./datagram_queue.ts";
import { type Fault, faults } from "./fault.ts";

export interface CarrierObserver {
  readonly hasDialled: boolean;
  /** Memory of the connection, valid during the call. */
  arrived(datagram: Uint8Array): void;
  /** The other side is somebody. A fault ends it. */
  proved(): Fault | undefined;
  /** So many datagrams had to go for later ones. */
  dropped(count: number): void;
  /** Once, and last. Without a fault when the other side has ended. */
  finished(fault: Fault | undefined): void;
}

export class Carrier implements StreamSocketHandler {
  readonly #socket: StreamSocket;
  readonly #clock: Clock;
  readonly #observer: CarrierObserver;
  readonly #reader = new DatagramReader();
  readonly #queue = new DatagramQueue();
  readonly #began: Millis;
  #movedAt: Millis;
  #isProved = false;
  #isOver = false;
  #received = 0;
  #timer: Timer | undefined;

  constructor(socket: StreamSocket, clock: Clock, observer: CarrierObserver) {
    this.#socket = socket;
    this.#clock = clock;
    this.#observer = observer;
    this.#began = this.#movedAt = clock.now();
    socket.attach(this);
    this.#arm();
  }

  get remote(): Endpoint {
    return this.#socket.remote;
  }

  get hasDialled(): boolean {
    return this.#observer.hasDialled;
  }

  /** False when it is over, or ends by this. `datagram` is free for reuse on return. */
  send(datagram: Uint8Array): boolean {
    if (!this.hasDialled) {
      this.#movedAt = this.#clock.now();
      this.#prove();
    }
    return this.refuse(datagram);
  }

  /** As {@link send}, for what strangers are told as well. */
  refuse(datagram: Uint8Array): boolean {
    if (this.#isOver) return false;
    const dropped = this.#queue.push(encodeFrame(datagram));
    if (dropped > 0) this.#observer.dropped(dropped);
    this.#flush();
    return true;
  }

  /** Ends it at once. Idempotent: the first fault counts. */
  fail(fault: Fault): void {
    this.#finish(fault);
    this.#socket.reset();
  }

  received(chunk: Uint8Array): void {
    if (this.#isOver) return;
    if (this.hasDialled) this.#movedAt = this.#clock.now();
    this.#received += chunk.length;
    const fault = this.#reader.receive(chunk, (datagram) => {
      if (this.hasDialled) this.#prove();
      if (!this.#isOver) this.#observer.arrived(datagram);
      return !this.#isOver;
    });
    if (fault !== undefined) this.fail(fault);
    else if (!this.#isProved && this.#received > limits.unprovedBytes) this.fail(faults.talksTooMuch);
  }

  /** Not ended in turn: that waits behind what is queued, for ever where nobody reads it. */
  ended(): void {
    this.#finish(undefined);
    this.#socket.reset();
  }

  drained(): void {
    this.#flush();
  }

  closed(): void {
    this.#finish(undefined);
  }

  #flush(): void {
    while (!this.#isOver && this.#socket.queued < limits.datagramsInHand) {
      const frame = this.#queue.shift();
      if (frame === undefined) return;
      this.#socket.write(frame);
    }
  }

  #prove(): void {
    if (this.#isProved || this.#isOver) return;
    this.#isProved = true;
    const fault = this.#observer.proved();
    if (fault !== undefined) this.fail(fault);
  }

  #finish(fault: Fault | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer?.cancel();
    this.#observer.finished(fault);
  }

  /** A timer that fires too early only looks again. */
  #arm(): void {
    const at = this.#isProved ? this.#movedAt + limits.idleMillis : this.#began + limits.provingMillis;
    this.#timer = this.#clock.timer(at, () => this.#look());
  }

  #look(): void {
    const isLate = this.#isProved
      ? this.#clock.now() >= this.#movedAt + limits.idleMillis
      : this.#clock.now() >= this.#began + limits.provingMillis;
    if (isLate) this.fail(this.#isProved ? faults.idle : faults.silent);
    else this.#arm();
  }
}
