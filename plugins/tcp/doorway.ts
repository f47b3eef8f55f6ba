/**
 * What a connection is going to be: its first bytes tell whether it carries datagrams. All others are a stream's, which knows
 * by itself what does not begin as one.
 */
import type { Clock, Timer } from "../../core/contracts/host.ts";
import type { StreamSocket, StreamSocketHandler } from "../../core/runtime/stream_socket.ts";
import { concatBytes } from "../../core/wire/bytes.ts";
import { limits } from "./constants.ts";
import { datagramPreface } from "./datagram_frames.ts";
import { type Fault, faults } from "./fault.ts";

export interface DoorwayObserver {
  /** Who goes on with the connection; the socket has it attached on return. */
  entered(kind: "stream" | "datagrams"): StreamSocketHandler;
  /** It ended before that. */
  left(fault: Fault | undefined): void;
}

export class Doorway implements StreamSocketHandler {
  readonly #socket: StreamSocket;
  readonly #observer: DoorwayObserver;
  readonly #timer: Timer;
  #seen = new Uint8Array();
  #isOver = false;

  constructor(socket: StreamSocket, clock: Clock, observer: DoorwayObserver) {
    this.#socket = socket;
    this.#observer = observer;
    this.#timer = clock.timer(clock.now() + limits.handshakeMillis, () => this.fail(faults.slowHandshake));
    socket.attach(this);
  }

  fail(fault: Fault): void {
    this.#leave(fault);
    this.#socket.reset();
  }

  received(chunk: Uint8Array): void {
    if (this.#isOver) return;
    const seen = this.#seen = concatBytes(this.#seen, chunk);
    const known = Math.min(seen.length, datagramPreface.length);
    const isDatagrams = datagramPreface.subarray(0, known).every((byte, index) => byte === seen[index]);
    if (!isDatagrams) return this.#enter("stream", seen);
    if (known === datagramPreface.length) this.#enter("datagrams", seen.subarray(known));
  }

  ended(): void {
    this.#leave(undefined);
    this.#socket.reset();
  }

  drained(): void {}

  closed(): void {
    this.#leave(undefined);
  }

  #enter(kind: "stream" | "datagrams", rest: Uint8Array): void {
    this.#isOver = true;
    this.#timer.cancel();
    const handler = this.#observer.entered(kind);
    if (rest.length > 0) handler.received(rest);
  }

  #leave(fault: Fault | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer.cancel();
    this.#observer.left(fault);
  }
}
