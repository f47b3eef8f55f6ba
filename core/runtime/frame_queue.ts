import { MeshError } from "../contracts/errors.ts";

interface Waiter {
  readonly resolve: (frame: Uint8Array | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Frames between a callback that brings them and a reader that awaits them. It has no limit of its own: whoever pushes
 * watches `weight`, and is told when a frame was taken.
 */
export class FrameQueue {
  readonly #taken: () => void;
  readonly #frameCost: number;
  readonly #frames: Uint8Array[] = [];
  readonly #waiting: Waiter[] = [];
  #bytes = 0;
  #over: { readonly error?: unknown } | undefined;
  #discards = false;

  /** `frameCost` is what a frame counts beside its bytes, so that many empty ones count too. */
  constructor(frameCost: number, taken: () => void) {
    this.#frameCost = frameCost;
    this.#taken = taken;
  }

  /** Bytes that wait, with the cost of each frame. */
  get weight(): number {
    return this.#bytes + this.#frames.length * this.#frameCost;
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  push(frame: Uint8Array): void {
    if (this.#over !== undefined || this.#discards) return;
    const waiter = this.#waiting.shift();
    if (waiter !== undefined) return waiter.resolve(frame);
    this.#frames.push(frame);
    this.#bytes += frame.length;
  }

  /** No more frames come; those that wait can still be read. The first end counts. */
  finish(): void {
    this.#end({});
  }

  /** As {@link finish}, but readers get the error when they have read all. */
  fail(error: unknown): void {
    this.#end({ error });
  }

  /** Drops what waits and what comes; readers are done. */
  discard(): void {
    this.#discards = true;
    this.#frames.length = 0;
    this.#bytes = 0;
    for (const waiter of this.#waiting.splice(0)) waiter.resolve(undefined);
  }

  /** May be called again: it goes on where the last one stopped. */
  async *iterate(): AsyncGenerator<Uint8Array> {
    for (let frame = await this.#take(); frame !== undefined; frame = await this.#take()) yield frame;
  }

  #end(how: { readonly error?: unknown }): void {
    if (this.#over !== undefined) return;
    this.#over = how;
    for (const waiter of this.#waiting.splice(0)) {
      if ("error" in how) waiter.reject(how.error);
      else waiter.resolve(undefined);
    }
  }

  #take(): Promise<Uint8Array | undefined> {
    const frame = this.#frames.shift();
    if (frame !== undefined) {
      this.#bytes -= frame.length;
      this.#taken();
      return Promise.resolve(frame);
    }
    if (this.#discards) return Promise.resolve(undefined);
    if (this.#over !== undefined) {
      return "error" in this.#over ? Promise.reject(this.#over.error) : Promise.resolve(undefined);
    }
    if (this.#waiting.length > 0) return Promise.reject(severalReaders());
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }
}

function severalReaders(): MeshError {
  return new MeshError(
    "INVALID_ARGUMENT",
    "Cannot read the frames of a stream twice at a time: one reader reads",
  );
}
