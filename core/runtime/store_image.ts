/**
 * What a store holds in memory: the image that all reads are served from. It lives beside the files it mirrors, because
 * every store needs it and plugins do not import each other.
 */
import type { StoreChange } from "../contracts/store.ts";
import { MeshError } from "../contracts/errors.ts";

/** Longer keys are refused, so that a mistaken caller cannot fill the disk with names. */
const longestKey = 512;
const controlCharacter = /\p{Cc}/u;

export class StoreImage {
  readonly #values = new Map<string, Uint8Array>();
  #bytes = 0;

  /** Bytes of all keys (UTF-16 units counted as one) and values. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A copy; undefined when the key is absent. */
  get(key: string): Uint8Array | undefined {
    const value = this.#values.get(key);
    return value === undefined ? undefined : new Uint8Array(value);
  }

  /** Copies as they are now, in order of key (UTF-16 code units); later changes do not reach who still iterates. */
  entries(prefix: string): readonly (readonly [key: string, value: Uint8Array])[] {
    const keys = [...this.#values.keys()].filter((key) => key.startsWith(prefix)).sort();
    return keys.map((key) => [key, new Uint8Array(this.#values.get(key)!)] as const);
  }

  /** Takes the values as they are: hand in what {@link copyChanges} made. */
  apply(changes: readonly StoreChange[]): void {
    for (const { key, value } of changes) {
      this.#bytes += sizeOf(key, value) - sizeOf(key, this.#values.get(key));
      if (value === undefined) this.#values.delete(key);
      else this.#values.set(key, value);
    }
  }

  /** What {@link bytes} would be after these changes. */
  bytesAfter(changes: readonly StoreChange[]): number {
    const last = new Map(changes.map(({ key, value }) => [key, value]));
    let bytes = this.#bytes;
    for (const [key, value] of last) bytes += sizeOf(key, value) - sizeOf(key, this.#values.get(key));
    return bytes;
  }
}

function sizeOf(key: string, value: Uint8Array | undefined): number {
  return value === undefined ? 0 : key.length + value.length;
}

/**
 * The batch in memory of its own, so that the caller may reuse its buffers at once. Throws `INVALID_ARGUMENT` for a key
 * that is empty, longer than 512 characters, or holds control characters or half a surrogate pair: SQL text ends at a
 * NUL in one runtime and not in the other, and half a pair has no UTF-8.
 */
export function copyChanges(changes: readonly StoreChange[]): readonly StoreChange[] {
  return changes.map(({ key, value }) => {
    if (!isStoreKey(key)) {
      throw new MeshError(
        "INVALID_ARGUMENT",
        `Cannot store under the key ${JSON.stringify(key.slice(0, 64))}: ` +
          `use 1 to ${longestKey} characters, none of them a control character`,
      );
    }
    return { key, value: value === undefined ? undefined : new Uint8Array(value) };
  });
}

function isStoreKey(key: string): boolean {
  return key.length >= 1 && key.length <= longestKey && key.isWellFormed() && !controlCharacter.test(key);
}
