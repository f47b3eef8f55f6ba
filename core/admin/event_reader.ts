/**
 * One reader of the event stream, as server-sent events (WHATWG HTML §9.2).
 *
 * A reader that falls {@link queueLimit} events or {@link queueBytes} behind is told so and dropped. Waiting for it would hold back the node,
 * and leaving out single events would give it a picture that is wrong unnoticed.
 */
import type { Clock, Timer } from "../contracts/host.ts";

export const queueLimit = 256;
/** Events hold texts of peers, so their number alone bounds nothing. */
export const queueBytes = 256 * 1024;
export const heartbeatMillis = 15_000;

const encoder = new TextEncoder();
const opening = encoder.encode(": events of this node\n\n");
const heartbeat = encoder.encode(": heartbeat\n\n");

/** JSON escapes line ends, so one `data:` line is enough. */
export function encodeEvent(event: { id?: string; name: string; data: unknown }): Uint8Array {
  const id = event.id === undefined ? "" : `id: ${event.id}\n`;
  return encoder.encode(`${id}event: ${event.name}\ndata: ${JSON.stringify(event.data)}\n\n`);
}

/**
 * The stream asks for a frame only when the connection has taken the last one, so the queue is all that is ever held
 * for a reader. It joins the hub with the first read: the answer to a `HEAD` request, or one that nobody reads, costs
 * nothing and needs no end.
 */
export class EventReader {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #readers: Set<EventReader>;
  readonly #clock: Clock;
  readonly #queue: Uint8Array[] = [];
  #queued = 0;
  /** Takes the next frame at once, or the end; set while the stream waits. */
  #waiting: ((frame: Uint8Array | undefined) => void) | undefined;
  #timer: Timer | undefined;
  #started = false;
  #finished = false;

  constructor(readers: Set<EventReader>, clock: Clock) {
    this.#readers = readers;
    this.#clock = clock;
    const source = {
      pull: (controller: ReadableStreamDefaultController<Uint8Array>) => this.#pull(controller),
      cancel: () => this.#cancel(),
    };
    this.stream = new ReadableStream(source, { highWaterMark: 0 });
  }

  /** False when the reader was too far behind and has been dropped. */
  offer(frame: Uint8Array): boolean {
    if (this.#waiting !== undefined || this.#hasRoom(frame)) {
      this.#put(frame);
      return true;
    }
    this.#put(encodeEvent({ name: "stream:dropped", data: { reason: "too slow", limit: queueLimit } }));
    this.finish();
    return false;
  }

  /** No more frames; those in the queue are still delivered. */
  finish(): void {
    this.#finished = true;
    this.#timer?.cancel();
    this.#readers.delete(this);
    if (this.#queue.length === 0) this.#waiting?.(undefined);
  }

  #hasRoom(frame: Uint8Array): boolean {
    return this.#queue.length < queueLimit && this.#queued + frame.length <= queueBytes;
  }

  #cancel(): void {
    this.#waiting = undefined;
    this.#queue.length = 0;
    this.finish();
  }

  #put(frame: Uint8Array): void {
    if (this.#waiting !== undefined) return this.#waiting(frame);
    this.#queue.push(frame);
    this.#queued += frame.length;
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    const frame = this.#started ? await this.#next() : this.#start();
    if (frame === undefined) controller.close();
    else controller.enqueue(frame);
  }

  #start(): Uint8Array {
    this.#started = true;
    this.#readers.add(this);
    this.#beat();
    return opening;
  }

  #next(): Promise<Uint8Array | undefined> | Uint8Array | undefined {
    const frame = this.#queue.shift();
    this.#queued -= frame?.length ?? 0;
    if (frame !== undefined || this.#finished) return frame;
    return new Promise((resolve) => {
      this.#waiting = (value) => {
        this.#waiting = undefined;
        resolve(value);
      };
    });
  }

  /** A comment keeps the connection from looking dead. One that is behind has frames to send and needs none. */
  #beat(): void {
    this.#timer = this.#clock.timer(this.#clock.now() + heartbeatMillis, () => {
      if (this.#queue.length === 0) this.#put(heartbeat);
      this.#beat();
    });
  }
}
