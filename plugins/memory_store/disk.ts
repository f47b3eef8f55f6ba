import { MeshError } from "../../core/contracts/errors.ts";
import type { Store, StoreChange } from "../../core/contracts/store.ts";
import { copyChanges, StoreImage } from "../../core/runtime/store_image.ts";

/**
 * A simulated disk. It outlives the stores on it, so a simulation can kill a node and start it again on the same disk;
 * what had not been acknowledged by then is gone.
 */
export class MemoryDisk {
  readonly #image = new StoreImage();
  readonly #maxBytes: number;
  #mounted: MemoryStore | undefined;

  /** `maxBytes` counts keys and values. */
  constructor(maxBytes: number = Number.POSITIVE_INFINITY) {
    this.#maxBytes = maxBytes;
  }

  /** A store on this disk. The one before it, if any, is as dead as a killed process: its pending commits are lost. */
  mount(): MemoryStore {
    this.#mounted = new MemoryStore(this);
    return this.#mounted;
  }

  /** For {@link MemoryStore}. */
  get image(): StoreImage {
    return this.#image;
  }

  /** Applies the batch as a whole. Throws `DISK_FULL`, or `NOT_RUNNING` when `store` was replaced. */
  write(store: MemoryStore, changes: readonly StoreChange[]): void {
    if (store !== this.#mounted) {
      throw new MeshError(
        "NOT_RUNNING",
        "Cannot write to memory: another store has been mounted on this disk",
      );
    }
    if (this.#image.bytesAfter(changes) > this.#maxBytes) {
      throw new MeshError(
        "DISK_FULL",
        `Cannot write to memory: more than ${this.#maxBytes} bytes; raise maxBytes`,
      );
    }
    this.#image.apply(changes);
  }

  /** The store stops here. */
  unmount(store: MemoryStore): void {
    if (store === this.#mounted) this.#mounted = undefined;
  }
}

export class MemoryStore implements Store {
  readonly #disk: MemoryDisk;

  constructor(disk: MemoryDisk) {
    this.#disk = disk;
  }

  get(key: string): Uint8Array | undefined {
    return this.#disk.image.get(key);
  }

  entries(prefix: string): Iterable<readonly [key: string, value: Uint8Array]> {
    return this.#disk.image.entries(prefix);
  }

  /** Durable one microtask later: nobody may come to rely on seeing his own unacknowledged write. */
  async commit(changes: readonly StoreChange[]): Promise<void> {
    const batch = copyChanges(changes);
    await Promise.resolve();
    this.#disk.write(this, batch);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // After the commits that were called before.
    await Promise.resolve();
    this.#disk.unmount(this);
  }
}
