/**
 * Durable state of this node: bytes by key. Reads come from memory and are synchronous, so that no promise stands
 * between a packet and its verdict; a write is a batch that is durable as a whole or not at all.
 *
 * SQL or a document interface was rejected: nothing here is queried except by prefix, and a kill -9 between two
 * statements must not be expressible.
 */
export interface Store {
  /** A copy; undefined when the key is absent. */
  get(key: string): Uint8Array | undefined;
  /** Copies, in order of key. */
  entries(prefix: string): Iterable<readonly [key: string, value: Uint8Array]>;
  /**
   * Resolves when all changes are on disk; rejects with `DISK_FULL` or `STATE_UNWRITABLE` when none is. Batches are
   * applied in the order of the calls, and reads see a batch only once it is durable. Several batches may share one
   * write to disk.
   */
  commit(changes: readonly StoreChange[]): Promise<void>;
}

export interface StoreChange {
  readonly key: string;
  /** Undefined removes the key. */
  readonly value: Uint8Array | undefined;
}
