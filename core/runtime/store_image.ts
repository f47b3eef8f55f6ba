/**
 * What a store holds in memory: the image that all reads are served from. It lives beside the files it mirrors, because
 * every store needs it and plugins do not import each other.
 */
import { type StoreChange, storeLimits } from "../contracts/store.ts";
import { MeshError } from "../contracts/errors.ts";

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
    const keys: string[] = [];
    for (const key of this.#values.keys()) if (key.startsWith(prefix)) keys.push(key);
    keys.sort();
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

/** What a batch counts for against {@link storeLimits}. */
export function batchSize(changes: readonly StoreChange[]): number {
  return changes.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0), 0);
}

/** Throws `STATE_UNWRITABLE` when so much waits already that another batch of `size` would be too much. */
export function requireRoom(
  waiting: { readonly batches: number; readonly bytes: number },
  size: number,
): void {
  const { batches, bytes } = waiting;
  const isFull = batches >= storeLimits.queueBatches || bytes + size > storeLimits.queueBytes;
  if (!isFull || batches === 0) return;
  throw new MeshError(
    "STATE_UNWRITABLE",
    `Cannot store more now: ${batches} changes wait for the disk; wait for them first`,
    { details: { reason: "queue-full", batches, bytes } },
  );
}

/** What `commit` is given: as {@link copyChanges}. Also throws `INVALID_ARGUMENT` beyond {@link storeLimits}. */
export function copyBatch(changes: readonly StoreChange[]): readonly StoreChange[] {
  const size = batchSize(changes);
  if (size > storeLimits.batchBytes) {
    throw new MeshError(
      "INVALID_ARGUMENT",
      `Cannot store ${size} bytes at once: a batch has at most ${storeLimits.batchBytes}; split it`,
    );
  }
  return copyChanges(changes);
}

/**
 * The changes in memory of their own, so that the caller may reuse its buffers at once. Throws `INVALID_ARGUMENT` for a
 * key that is empty, longer than 512 characters, or holds control characters or half a surrogate pair: SQL text ends at
 * a NUL in one runtime and not in the other, and half a pair has no UTF-8. And for a value that is no Uint8Array, which
 * only a plugin without types can give: found at the write, it would fail the whole group.
 */
export function copyChanges(changes: readonly StoreChange[]): readonly StoreChange[] {
  const wrong = changes.find(({ key }) => !isStoreKey(key));
  if (wrong !== undefined) {
    throw new MeshError(
      "INVALID_ARGUMENT",
      `Cannot store under the key ${JSON.stringify(wrong.key.slice(0, 64))}: ` +
        `use 1 to ${storeLimits.keyLength} characters, none of them a control character`,
    );
  }
  const strange = changes.find(({ value }) => value !== undefined && !(value instanceof Uint8Array));
  if (strange !== undefined) {
    throw new MeshError(
      "INVALID_ARGUMENT",
      `Cannot store under the key ${
        JSON.stringify(strange.key)
      }: give a Uint8Array, or undefined to remove it`,
    );
  }
  return changes.map(({ key, value }) => ({ key, value: value && new Uint8Array(value) }));
}

function isStoreKey(key: string): boolean {
  return key.length >= 1 && key.length <= storeLimits.keyLength && key.isWellFormed() &&
    !controlCharacter.test(key);
}
