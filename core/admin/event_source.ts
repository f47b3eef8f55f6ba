/**
 * Reads a stream of server-sent events (WHATWG HTML §9.2.6), which no runtime's `fetch` does.
 *
 * `EventSource` was rejected: Node has none by default, it cannot speak over a unix socket, and it reconnects silently
 * where our callers must know that they missed something.
 */
import { MeshError } from "../contracts/errors.ts";

export interface ServerSentEvent {
  /** Empty when the event has none. */
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

/** Far above any event of a node; a stream without line ends must not fill the memory. */
const longestEvent = 1024 * 1024;

/** Ends with the stream. Rejects with what the stream rejects with, and `MALFORMED` for an event without an end. */
export async function* readEvents(stream: ReadableStream<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  const parser = new EventParser();
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      yield* parser.push(decoder.decode(chunk.value, { stream: true }));
    }
  } finally {
    // Also when the caller leaves the loop early: the connection is closed, and the node forgets this reader.
    await reader.cancel().catch(() => {});
  }
}

/** Text in pieces of any size goes in, whole events come out. What the stream's end cuts off is dropped (§9.2.6). */
export class EventParser {
  #rest = "";
  #id = "";
  #event = "";
  #data: string[] = [];
  #size = 0;

  push(text: string): ServerSentEvent[] {
    const lines = `${this.#rest}${text}`.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    this.#bound(this.#rest.length);
    return lines.flatMap((line) => this.#line(line));
  }

  #line(line: string): ServerSentEvent[] {
    if (line === "") return this.#dispatch();
    this.#size += line.length;
    this.#bound(0);
    const [, field = "", value = ""] = /^([^:]*)(?::[ ]?(.*))?$/s.exec(line) ?? [];
    if (field === "id") this.#id = value;
    if (field === "event") this.#event = value;
    if (field === "data") this.#data.push(value);
    return [];
  }

  /** An event without data is none: so a heartbeat, which is a comment, yields nothing. */
  #dispatch(): ServerSentEvent[] {
    const found = { id: this.#id, event: this.#event || "message", data: this.#data.join("\n") };
    const isEmpty = this.#data.length === 0;
    [this.#id, this.#event, this.#data, this.#size] = ["", "", [], 0];
    return isEmpty ? [] : [found];
  }

  #bound(pending: number): void {
    if (this.#size + pending <= longestEvent) return;
    throw new MeshError(
      "MALFORMED",
      `Cannot read the event stream: an event exceeds ${longestEvent} characters`,
    );
  }
}
