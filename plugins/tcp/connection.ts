/**
 * The shell around the machine of one stream: its socket, its deadlines and its back-pressure.
 *
 * Back-pressure is the kernel's. Towards the other side: no record is sealed while {@link limits.sendQueue} bytes wait. From
 * the other side: the socket is not read while {@link limits.receiveQueue} bytes of frames wait for their reader, until its
 * kernel's window is full and it stops. While this side does not read, the other one cannot be late.
 */
import type { Clock, Timer } from "../../core/contracts/host.ts";
import type { PeerIdentity } from "../../core/contracts/membership.ts";
import type { Endpoint, Millis } from "../../core/contracts/values.ts";
import { LineStream, type StreamLine } from "../../core/runtime/line_stream.ts";
import type { StreamSocket, StreamSocketHandler } from "../../core/runtime/stream_socket.ts";
import { limits } from "./constants.ts";
import { type Fault, faults, streamError } from "./fault.ts";
import type { StreamEvent, StreamMachine } from "./machine.ts";

export interface ConnectionObserver {
  /** Both sides have proved themselves. */
  opened(stream: LineStream): void;
  /** Once, and last. Without a fault when both sides had ended; `peer` when it had proved itself. */
  finished(fault: Fault | undefined, peer: PeerIdentity | undefined): void;
}

export class Connection implements StreamLine, StreamSocketHandler {
  readonly #socket: StreamSocket;
  readonly #machine: StreamMachine;
  readonly #clock: Clock;
  readonly #observer: ConnectionObserver;
  readonly #began: Millis;
  #stream: LineStream | undefined;
  #isOver = false;
  #isPaused = false;
  #hasEnded = false;
  #otherHasEnded = false;
  /** When the frame that is arriving began. */
  #frameBegan: Millis | undefined;
  #movedAt: Millis;
  #lingerFrom: Millis | undefined;
  #timer: Timer | undefined;
  #timerAt: Millis = Infinity;

  constructor(socket: StreamSocket, machine: StreamMachine, clock: Clock, observer: ConnectionObserver) {
    this.#socket = socket;
    this.#machine = machine;
    this.#clock = clock;
    this.#observer = observer;
    this.#began = this.#movedAt = clock.now();
    socket.attach(this);
    this.#arm();
  }

  get remote(): Endpoint {
    return this.#socket.remote;
  }

  /** Known since the other side has shown itself, which may be before it has proved itself. */
  get peer(): PeerIdentity | undefined {
    return this.#machine.peer;
  }

  get hasRoom(): boolean {
    return this.#socket.queued < limits.sendQueue;
  }

  pieces(frame: Uint8Array): Iterable<Uint8Array> {
    return this.#machine.frame(frame);
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  writeEnd(): void {
    this.#hasEnded = true;
    this.#socket.write(this.#machine.end());
    this.#socket.end();
  }

  taken(): void {
    if (!this.#isPaused || this.#isOver || this.#stream!.weight >= limits.receiveQueue) return;
    this.#isPaused = false;
    this.#movedAt = this.#clock.now();
    if (this.#frameBegan !== undefined) this.#frameBegan = this.#movedAt;
    this.#socket.resume();
    this.#arm();
  }

  linger(): void {
    this.#lingerFrom ??= this.#clock.now();
    this.#arm();
  }

  reset(): void {
    this.fail(faults.reset);
  }

  /** Ends it at once. Idempotent: the first fault counts. */
  fail(fault: Fault): void {
    this.#finish(fault);
    this.#socket.reset();
  }

  received(chunk: Uint8Array): void {
    if (this.#isOver) return;
    this.#movedAt = this.#clock.now();
    const events = this.#machine.receive(chunk);
    this.#run(events);
    this.#timeFrame(events.some(({ type }) => type === "frame" || type === "opened"));
    this.#pauseIfFull();
    this.#arm();
  }

  ended(): void {
    if (!this.#isOver) this.#run(this.#machine.receiveEnd());
  }

  drained(): void {
    this.#movedAt = this.#clock.now();
    if (this.#lingerFrom !== undefined) this.#lingerFrom = this.#movedAt;
    this.#stream?.roomMade();
  }

  closed(error?: unknown): void {
    const isWhole = this.#hasEnded && this.#otherHasEnded && error === undefined;
    this.#finish(isWhole ? undefined : faults.cut);
  }

  #run(events: readonly StreamEvent[]): void {
    for (const event of events) {
      if (this.#isOver) return; // by the handler of an event before
      this.#handle(event);
    }
  }

  #handle(event: StreamEvent): void {
    switch (event.type) {
      case "write":
        return this.#socket.write(event.bytes);
      case "opened":
        this.#stream = new LineStream(this, event.peer, event.maxFrame);
        return this.#observer.opened(this.#stream);
      case "frame":
        return this.#stream!.arrived(event.frame);
      case "ended":
        this.#otherHasEnded = true;
        return this.#stream!.arrived(undefined);
      case "failed":
        return this.fail(event.fault);
    }
  }

  #timeFrame(isNew: boolean): void {
    if (!this.#machine.isPartial) this.#frameBegan = undefined;
    else if (isNew || this.#frameBegan === undefined) this.#frameBegan = this.#movedAt;
  }

  #pauseIfFull(): void {
    if (this.#isOver || this.#isPaused || this.#stream === undefined) return;
    if (this.#stream.weight < limits.receiveQueue) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  #finish(fault: Fault | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer?.cancel();
    this.#machine.wipe();
    this.#stream?.finished(fault && streamError(fault, this.remote));
    this.#observer.finished(fault, this.#stream?.peer);
  }

  /** The moment at which the first of the deadlines passes, and what that means. */
  #deadline(): { readonly at: Millis; readonly fault: Fault } {
    const first = { at: Infinity, fault: faults.idle as Fault };
    const by = (at: Millis, fault: Fault) => {
      if (at < first.at) Object.assign(first, { at, fault });
    };
    if (this.#stream === undefined) by(this.#began + limits.handshakeMillis, faults.slowHandshake);
    else if (!this.#isPaused && this.#frameBegan !== undefined) {
      by(this.#frameBegan + limits.frameMillis, faults.slowFrame);
    }
    if (!this.#isPaused || this.#socket.queued > 0) by(this.#movedAt + limits.idleMillis, faults.idle);
    if (this.#lingerFrom !== undefined) by(this.#lingerFrom + limits.lingerMillis, faults.lingered);
    return first;
  }

  /** A timer that fires too early only looks again, so a deadline that moves back costs nothing. */
  #arm(): void {
    if (this.#isOver) return;
    const { at } = this.#deadline();
    if (this.#timer !== undefined && this.#timerAt <= at) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAt = at;
    if (at !== Infinity) this.#timer = this.#clock.timer(at, () => this.#look());
  }

  #look(): void {
    this.#timer = undefined;
    const { at, fault } = this.#deadline();
    if (this.#clock.now() >= at) this.fail(fault);
    else this.#arm();
  }
}
