/**
 * Bytes that must not be seen. A string, a JSON document, a log line or a debugger's print of a Secret shows a
 * placeholder; only `reveal()` gives the bytes, so every use of a secret can be found by its name.
 */
import { copyBytes, equalConstantTime } from "../wire/bytes.ts";

/** What stands for a secret wherever one would be printed. */
export const redacted = "«redacted»";

export class Secret {
  readonly #bytes: Uint8Array;

  /** Keeps a copy: the caller may wipe or reuse `bytes`. */
  constructor(bytes: Uint8Array) {
    this.#bytes = copyBytes(bytes);
  }

  /** The bytes themselves, not a copy: they are to be used at once and neither changed nor stored. */
  reveal(): Uint8Array {
    return this.#bytes;
  }

  /** Whether both hold the same bytes, in a time that depends on the lengths alone. */
  equals(other: Secret): boolean {
    return equalConstantTime(this.#bytes, other.#bytes);
  }

  toString(): string {
    return redacted;
  }

  toJSON(): string {
    return redacted;
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return redacted;
  }

  [Symbol.for("Deno.customInspect")](): string {
    return redacted;
  }
}
