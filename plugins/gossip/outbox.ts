/**
 * What a machine says in one call, gathered by receiver: sections for the same member share a datagram, since 64 bytes
 * of headers and seal go with each.
 */
import type { Directory } from "./directory.ts";
import { limits } from "./options.ts";
import { version } from "./wire.ts";

/**
 * A datagram while it is written. Drafts are shared by all machines of a thread: no call returns before its drafts were
 * copied out, and a thousand bytes for each of ten thousand machines of a simulation would be memory for nothing.
 */
class Draft {
  readonly bytes = new Uint8Array(limits.message);
  readonly view = new DataView(this.bytes.buffer);
  to = 0;
  length = 0;
}

const spare: Draft[] = [];

export class Outbox {
  readonly #directory: Directory;
  readonly #send: (to: number, message: Uint8Array) => void;
  readonly #open: Draft[] = [];
  #draft: Draft | undefined;

  constructor(directory: Directory, send: (to: number, message: Uint8Array) => void) {
    this.#directory = directory;
    this.#send = send;
  }

  /** Begins a section of `length` bytes, at most {@link room}; the writes that follow have to fill it. */
  section(to: number, kind: number, length = 0): this {
    let draft = this.#draftFor(to);
    const head = length < 128 ? 2 : 3;
    if (draft.length + head + length > limits.message) {
      this.#finish(draft);
      draft = this.#draftFor(to);
    }
    this.#draft = draft;
    this.u8(kind);
    return length < 128 ? this.u8(length) : this.u16(0x8000 | length);
  }

  u8(value: number): this {
    const draft = this.#draft!;
    draft.bytes[draft.length++] = value;
    return this;
  }

  u16(value: number): this {
    const draft = this.#draft!;
    draft.view.setUint16(draft.length, value);
    draft.length += 2;
    return this;
  }

  u32(value: number): this {
    const draft = this.#draft!;
    draft.view.setUint32(draft.length, value);
    draft.length += 4;
    return this;
  }

  id(value: number): this {
    return this.u16(Math.floor(value / 2 ** 32)).u32(value % 2 ** 32);
  }

  tag(peer: number): this {
    return this.u32(this.#directory.high(peer)).u32(this.#directory.low(peer));
  }

  bytes(bytes: Uint8Array): this {
    const draft = this.#draft!;
    draft.bytes.set(bytes, draft.length);
    draft.length += bytes.length;
    return this;
  }

  /** Sends a message as it is: the same memory goes to many, and further. */
  whole(to: number, message: Uint8Array): void {
    this.#send(to, message);
  }

  flush(): void {
    while (this.#open.length > 0) this.#finish(this.#open[0]!);
  }

  #draftFor(to: number): Draft {
    for (const draft of this.#open) if (draft.to === to) return draft;
    const draft = spare.pop() ?? new Draft();
    draft.to = to;
    draft.bytes[0] = version;
    draft.length = 1;
    this.#open.push(draft);
    return draft;
  }

  #finish(draft: Draft): void {
    this.#open.splice(this.#open.indexOf(draft), 1);
    this.#send(draft.to, draft.bytes.slice(0, draft.length));
    spare.push(draft);
  }
}
