/** Places in an {@link Arena}, given out once at the start of a data path and never given back. */
import { MeshError } from "../contracts/errors.ts";

export class ArenaPlan {
  readonly #capacity: number;
  #next = 0;

  /** Of `capacity` bytes. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Bytes given out so far. */
  get used(): number {
    return this.#next;
  }

  /** Offset of `length` bytes that begin at a cache line. Throws `INTERNAL`: the arena was made too small. */
  take(length: number): number {
    const at = (this.#next + 63) & ~63;
    if (at + length > this.#capacity) {
      // deno-lint-ignore selvage/no-throw-in-datapath -- a mistake in this build, at the start; no packet leads here
      throw new MeshError("INTERNAL", `Cannot lay out the data path: ${length} bytes do not fit any more`);
    }
    this.#next = at + length;
    return at;
  }
}
