import { MeshError } from "../contracts/errors.ts";
import type { PeerIdentity } from "../contracts/membership.ts";
import type { FramedStream } from "../contracts/transport.ts";
import type { Endpoint } from "../contracts/values.ts";
import { FrameQueue } from "./frame_queue.ts";

/** What carries a stream: a connection of some transport. */
export interface StreamLine {
  readonly remote: Endpoint;
  /** Whether a piece may be written now: fewer bytes than the limit are on their way. */
  readonly hasRoom: boolean;
  /** What is written for a frame, each piece made when it is asked for. */
  pieces(frame: Uint8Array): Iterable<Uint8Array>;
  write(piece: Uint8Array): void;
  /** Writes the end of this side, behind which nothing may be written. */
  writeEnd(): void;
  /** The reader has taken frames, or wants none any more. */
  taken(): void;
  /** From now on the other side has a short time to end. */
  linger(): void;
  reset(): void;
}

/** What a waiting frame counts beside its bytes, so that empty frames count too. */
const frameCost = 128;

/**
 * The face of a connection towards its user, the same for every transport of streams: turns, waiting for room, and the two
 * ends. Whatever is done here becomes calls of the line.
 */
export class LineStream implements FramedStream {
  readonly peer: PeerIdentity;
  readonly maxFrame: number;
  readonly #line: StreamLine;
  readonly #frames: FrameQueue;
  readonly #over = Promise.withResolvers<void>();
  /** Sends one after the other: the pieces of two frames must not mix. */
  #tail: Promise<void> = Promise.resolve();
  #ending: Promise<void> | undefined;
  #isOver = false;
  #error: MeshError | undefined;
  #roomMade: (() => void) | undefined;

  constructor(line: StreamLine, peer: PeerIdentity, maxFrame: number) {
    this.#line = line;
    this.peer = peer;
    this.maxFrame = maxFrame;
    this.#frames = new FrameQueue(frameCost, () => line.taken());
  }

  get remote(): Endpoint {
    return this.#line.remote;
  }

  send(frame: Uint8Array): Promise<void> {
    if (frame.length > this.maxFrame) return Promise.reject(this.#refusal(tooLong(frame, this.maxFrame)));
    if (this.#ending !== undefined) return Promise.reject(this.#refusal("this side of it has ended"));
    return this.#inTurn(() => this.#sendFrame(frame));
  }

  frames(): AsyncIterable<Uint8Array> {
    return this.#frames.iterate();
  }

  end(): Promise<void> {
    this.#ending ??= this.#inTurn(() => this.#sendEnd());
    return this.#ending;
  }

  close(): Promise<void> {
    this.#frames.discard();
    this.#line.taken();
    this.end().catch(() => {}); // it was cut before: that is an end too
    if (!this.#isOver) this.#line.linger();
    return this.#over.promise;
  }

  reset(): void {
    this.#frames.discard();
    this.#line.reset();
  }

  /** For the line: bytes of frames that wait for the reader. */
  get weight(): number {
    return this.#frames.weight;
  }

  /** For the line: the same without any cost of frames. */
  get waitingBytes(): number {
    return this.#frames.bytes;
  }

  /** For the line: a frame, or the end of frames, has arrived. */
  arrived(frame: Uint8Array | undefined): void {
    if (frame === undefined) this.#frames.finish();
    else this.#frames.push(frame);
  }

  /** For the line: fewer bytes are on their way than before. */
  roomMade(): void {
    if (this.#line.hasRoom || this.#isOver) this.#roomMade?.();
  }

  /** For the line: nothing more comes and nothing more goes. With an error unless both sides had ended. */
  finished(error: MeshError | undefined): void {
    this.#isOver = true;
    this.#error = error;
    if (error !== undefined) this.#frames.fail(error);
    this.#frames.finish();
    this.#roomMade?.();
    this.#over.resolve();
  }

  #inTurn(write: () => Promise<void>): Promise<void> {
    const turn = this.#tail.then(write);
    this.#tail = turn.catch(() => {}); // told to whoever has sent it; the next one asks for itself
    return turn;
  }

  async #sendFrame(frame: Uint8Array): Promise<void> {
    await this.#room();
    this.#requireOpen();
    for (const piece of this.#line.pieces(frame)) {
      this.#line.write(piece);
      await this.#room();
      this.#requireOpen();
    }
  }

  async #sendEnd(): Promise<void> {
    await this.#room();
    this.#requireOpen();
    this.#line.writeEnd();
  }

  /** Resolves when the next piece may be made, or none ever: by the time that is heard, the stream may be over. */
  async #room(): Promise<void> {
    while (!this.#isOver && !this.#line.hasRoom) {
      await new Promise<void>((resolve) => this.#roomMade = resolve);
    }
  }

  #requireOpen(): void {
    if (this.#isOver) throw this.#error ?? this.#refusal("the stream has ended");
  }

  #refusal(why: string): MeshError {
    return new MeshError("INVALID_ARGUMENT", `Cannot send a frame to ${this.peer.name}: ${why}`);
  }
}

function tooLong(frame: Uint8Array, most: number): string {
  return `it has ${frame.length} bytes and the other side takes ${most}; split it`;
}
