/**
 * Durable state of this node: bytes by key. Reads are synchronous, so that no promise stands between a packet and its
 * verdict, and may go to the disk, so they are for starts and for what people ask; a write is a batch that is durable as
 * a whole or not at all.
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
   * Resolves when all changes are on disk; rejects with `DISK_FULL` or `STATE_UNWRITABLE` when none is, and with
   * `INVALID_ARGUMENT` for a key or a batch beyond {@link storeLimits}, or a value that is no Uint8Array. The changes
   * are copied during the call. Only a sync that fails leaves it open whether they are there after a restart.
   *
   * - Order: batches apply, and their promises settle, in the order of the calls. Reads see a batch only once it is
   *   durable, and then at once: its own caller reads it in the continuation. After a crash the state is that of the
   *   first n batches, for an n that counts every acknowledged one; a refused batch counts as empty.
   * - Group commit: batches that wait at the same time may share one write to disk. A batch is all or nothing also then.
   * - Isolation: a batch is refused only if it would be refused alone, at its place in the order. One that is too big
   *   for the disk takes none of its company with it.
   * - Bounds: more waiting than {@link storeLimits} allows is refused at once with `STATE_UNWRITABLE` and
   *   `details.reason` "queue-full": wait for what was called before, then call again.
   */
  commit(changes: readonly StoreChange[]): Promise<void>;
  /** What the start has found that an operator should know although the node can go on; raised as alerts. */
  notices?(): readonly StoreNotice[];
}

export interface StoreChange {
  readonly key: string;
  /** Undefined removes the key. */
  readonly value: Uint8Array | undefined;
}

export interface StoreNotice {
  /** Of the alert; one word with dashes. */
  readonly name: string;
  /** What was found and what to do. */
  readonly detail: string;
}

/** What every store takes; sizes are UTF-16 units of keys plus bytes of values. */
export const storeLimits = {
  /** Of a key, in UTF-16 units. */
  keyLength: 512,
  batchBytes: 16 * 1024 * 1024,
  /** Waiting for the disk, all batches together; one batch is taken in any case. */
  queueBytes: 64 * 1024 * 1024,
  queueBatches: 16_384,
} as const;
