import { MeshError } from "../../core/contracts/errors.ts";
import type { StoreChange } from "../../core/contracts/store.ts";
import { copyChanges, StoreImage } from "../../core/runtime/store_image.ts";
import { type DiskAccess, MemoryStore } from "./store.ts";

/** Why a write fails: the space is used up, the device answers with an error, or it is mounted read-only. */
export type DiskFault = "full" | "io" | "read-only";

/** How much a disk that lies can take back. */
const undoLimit = 1_024;

/**
 * A simulated disk. It outlives the stores on it, so a simulation can kill a node and start it again on the same disk;
 * what had not been acknowledged by then is gone, unless the disk is told otherwise.
 */
export class MemoryDisk implements DiskAccess {
  readonly image = new StoreImage();
  writeTime: (() => Promise<void>) | undefined;
  readonly #maxBytes: number;
  #mounted: MemoryStore | undefined;
  #fault: { readonly fault: DiskFault; after: number; times: number } | undefined;
  /** What takes back the last batches, newest last. */
  #undo: (readonly StoreChange[])[] = [];
  #lies = 0;

  /** `maxBytes` counts keys and values. */
  constructor(maxBytes: number = Number.POSITIVE_INFINITY) {
    this.#maxBytes = maxBytes;
  }

  /** A store on this disk. The one before it, if any, is dead: its pending commits are rejected and leave nothing. */
  mount(): MemoryStore {
    this.#mounted?.replace();
    this.#forget();
    this.#mounted = new MemoryStore(this);
    return this.#mounted;
  }

  /**
   * As a kill -9 of the process that has the store: its pending commits never settle and leave nothing, but for the
   * first `landed` of them. Those were on the disk already, and only their acknowledgements are lost.
   */
  kill(landed = 0): void {
    this.#mounted?.kill(landed);
    this.#forget();
  }

  /** Commits of the mounted store that are not durable yet. */
  get pending(): number {
    return this.#mounted?.pending ?? 0;
  }

  /** Writes fail: the next `after` of them still succeed, then `times` do not, those behind do again. */
  fail(fault: DiskFault, times: number = Number.POSITIVE_INFINITY, after = 0): void {
    this.#fault = { fault, times, after };
  }

  /** Ends what {@link fail} began. */
  repair(): void {
    this.#fault = undefined;
  }

  /**
   * From now on the disk lies, as one does that has a write cache and ignores flushes, or after a rename whose directory
   * was not synced: of what it has acknowledged from here on, the last `batches` are gone after a kill. 0 ends it.
   */
  losesLast(batches: number): void {
    this.#lies = Math.min(batches, undoLimit);
    this.#undo = this.#lies === 0 ? [] : this.#undo.slice(-this.#lies);
  }

  /** All that is on it now, for {@link restore}: a backup, or an image for another machine. */
  snapshot(): readonly StoreChange[] {
    return copyChanges(this.image.entries("").map(([key, value]) => ({ key, value })));
  }

  /** Makes this disk what the snapshot shows. A store that is mounted is dead. */
  restore(snapshot: readonly StoreChange[]): void {
    this.kill();
    const removals = this.image.entries("").map(([key]) => ({ key, value: undefined }));
    this.image.apply([...removals, ...copyChanges(snapshot)]);
  }

  /** Applies the batch as a whole. Throws `DISK_FULL` or `STATE_UNWRITABLE`. */
  write(batch: readonly StoreChange[]): void {
    const fault = this.#nextFault();
    if (fault === "io") throw unwritable("the device reports an input/output error; replace it");
    if (fault === "read-only") throw unwritable("it is mounted read-only; mount it for writing");
    if (fault === "full" || this.image.bytesAfter(batch) > this.#maxBytes) throw full(this.#maxBytes);
    if (this.#lies > 0) {
      this.#undo.push(batch.map(({ key }) => ({ key, value: this.image.get(key) })));
      if (this.#undo.length > this.#lies) this.#undo.shift();
    }
    this.image.apply(batch);
  }

  /** Who ends in order has flushed: nothing is taken back. */
  released(store: MemoryStore): void {
    if (store !== this.#mounted) return;
    this.#mounted = undefined;
    this.#undo = [];
  }

  /** After a kill: what the disk had lied about goes too. */
  #forget(): void {
    if (this.#mounted === undefined) return;
    this.#mounted = undefined;
    for (const before of this.#undo.reverse()) this.image.apply(before);
    this.#undo = [];
  }

  #nextFault(): DiskFault | undefined {
    const failing = this.#fault;
    if (failing === undefined || failing.after-- > 0) return undefined;
    if (failing.times-- > 0) return failing.fault;
    this.#fault = undefined;
    return undefined;
  }
}

function full(maxBytes: number): MeshError {
  return new MeshError("DISK_FULL", `Cannot write to memory: more than ${maxBytes} bytes; raise maxBytes`);
}

function unwritable(why: string): MeshError {
  return new MeshError("STATE_UNWRITABLE", `Cannot write to the simulated disk: ${why}`);
}
