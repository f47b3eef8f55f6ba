import { isMeshError, MeshError } from "../../core/contracts/errors.ts";
import type { Store, StoreChange } from "../../core/contracts/store.ts";
import { batchSize, copyBatch, requireRoom, type StoreImage } from "../../core/runtime/store_image.ts";

/** What a store needs of the disk under it. */
export interface DiskAccess {
  readonly image: StoreImage;
  /** Resolves when what is being written has reached the disk; undefined when that takes no time. */
  writeTime: (() => Promise<void>) | undefined;
  /** Applies the batch as a whole, or throws what the contract names. */
  write(batch: readonly StoreChange[]): void;
  /** This store has ended in order. */
  released(store: MemoryStore): void;
}

interface Write {
  readonly batch: readonly StoreChange[];
  readonly outcome: PromiseWithResolvers<void>;
}

export class MemoryStore implements Store {
  readonly #disk: DiskAccess;
  /** Called and not durable yet, in order: those of the write that is under way, then those of the next. */
  readonly #queue: Write[] = [];
  /** Of what is in the queue, as `storeLimits` counts. */
  #bytes = 0;
  #state: "mounted" | "ended" | "killed" = "mounted";
  #isWriting = false;

  constructor(disk: DiskAccess) {
    this.#disk = disk;
  }

  get(key: string): Uint8Array | undefined {
    return this.#disk.image.get(key);
  }

  entries(prefix: string): Iterable<readonly [key: string, value: Uint8Array]> {
    return this.#disk.image.entries(prefix);
  }

  /** Batches that wait together are written together. */
  async commit(changes: readonly StoreChange[]): Promise<void> {
    const batch = copyBatch(changes);
    if (this.#state !== "mounted") throw notMounted();
    const size = batchSize(batch);
    requireRoom({ batches: this.#queue.length, bytes: this.#bytes }, size);
    this.#bytes += size;
    const outcome = Promise.withResolvers<void>();
    this.#queue.push({ batch, outcome });
    if (!this.#isWriting) void this.#writeAll();
    await outcome.promise;
  }

  /** Resolves after the commits that were called before have ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#queue.length > 0) await this.#queue.at(-1)!.outcome.promise.catch(() => {});
    if (this.#state !== "mounted") return;
    this.#state = "ended";
    this.#disk.released(this);
  }

  /** Another store takes its place: for {@link MemoryDisk}. */
  replace(): void {
    for (const { outcome } of this.#end()) outcome.reject(notMounted());
  }

  /**
   * As the end of a process: nobody hears of what was pending. The first `landed` batches had reached the disk by then,
   * up to one that the disk refused. For {@link MemoryDisk}.
   */
  kill(landed: number): void {
    try {
      for (const { batch } of this.#end().slice(0, landed)) this.#disk.write(batch);
    } catch (error) {
      if (!isMeshError(error)) throw error; // the refusal was for the process, and it is dead
    }
  }

  /** How many commits are not durable yet. */
  get pending(): number {
    return this.#queue.length;
  }

  #end(): readonly Write[] {
    if (this.#state === "mounted") this.#state = "killed";
    return this.#queue.splice(0);
  }

  /** One group after the other. */
  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    while (this.#queue.length > 0) {
      // One turn at least: nobody may come to rely on seeing his own unacknowledged write.
      await Promise.resolve();
      const group = this.#queue.length;
      await this.#disk.writeTime?.();
      for (const { batch, outcome } of this.#queue.splice(0, group)) this.#write(batch, outcome);
    }
    this.#isWriting = false;
  }

  #write(batch: readonly StoreChange[], outcome: PromiseWithResolvers<void>): void {
    this.#bytes -= batchSize(batch);
    try {
      this.#disk.write(batch);
      outcome.resolve();
    } catch (error) {
      outcome.reject(error);
    }
  }
}

function notMounted(): MeshError {
  return new MeshError(
    "NOT_RUNNING",
    "Cannot write to memory: this store has ended, or another one has been mounted on its disk",
  );
}
