const nothing = new Uint8Array();

/**
 * Bytes that have arrived and are not yet a whole message. Room doubles as it fills and is given back when all is taken,
 * so that single bytes cost no more than chunks, and a stream that rests holds nothing.
 */
export class Inbox {
  #memory: Uint8Array = nothing;
  #start = 0;
  #end = 0;

  get length(): number {
    return this.#end - this.#start;
  }

  /** What is there, valid until the next `append`. */
  get bytes(): Uint8Array {
    return this.#memory.subarray(this.#start, this.#end);
  }

  append(chunk: Uint8Array): void {
    const length = this.length + chunk.length;
    if (this.#end + chunk.length > this.#memory.length) this.#move(length);
    this.#memory.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** Drops the first `length` bytes. */
  take(length: number): void {
    this.#start += length;
    if (this.#start < this.#end) return;
    this.#memory = nothing;
    this.#start = this.#end = 0;
  }

  #move(length: number): void {
    const target = length > this.#memory.length
      ? new Uint8Array(Math.max(length, 2 * this.#memory.length))
      : this.#memory;
    const kept = this.length;
    if (target === this.#memory) target.copyWithin(0, this.#start, this.#end);
    else target.set(this.bytes);
    this.#memory = target;
    this.#start = 0;
    this.#end = kept;
  }
}
