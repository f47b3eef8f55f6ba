/**
 * All reads from memory; writes gathered and put on disk once per turn of the event loop.
 *
 * The write is synchronous, a few milliseconds on the main thread. A thread for it was rejected: the packet path is not
 * on this thread in host mode, gathering makes the number of syncs independent of the number of commits, and a second
 * thread would bring a second way to die between "written" and "acknowledged".
 */
import { errorCode, isMeshError, MeshError } from "../../core/contracts/errors.ts";
import type { Clock, Timer } from "../../core/contracts/host.ts";
import type { Lifecycle } from "../../core/contracts/lifecycle.ts";
import type { Store, StoreChange } from "../../core/contracts/store.ts";
import { SqliteFile, type SqliteFileOptions } from "../../core/runtime/sqlite_file.ts";
import { openStateDirectory } from "../../core/runtime/state_directory.ts";
import { copyChanges, StoreImage } from "../../core/runtime/store_image.ts";

export interface SqliteLocation {
  readonly directory: string;
  readonly file: string;
  readonly maxBytes?: number | undefined;
}

/** The part of {@link SqliteFile} that a store uses. */
export type StateFile = Pick<SqliteFile, "readAll" | "write" | "close">;
export type OpenFile = (path: string, options: SqliteFileOptions) => StateFile;

interface Batch {
  readonly changes: readonly StoreChange[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class SqliteStore implements Store, Lifecycle {
  readonly #location: SqliteLocation;
  readonly #clock: Pick<Clock, "now" | "timer">;
  readonly #open: OpenFile;
  readonly #image = new StoreImage();
  #file: StateFile | undefined;
  #queue: Batch[] = [];
  #turn: Timer | undefined;
  /** Why nothing may be written any more. */
  #failure: MeshError | undefined;

  constructor(
    location: SqliteLocation,
    clock: Pick<Clock, "now" | "timer">,
    open: OpenFile = SqliteFile.open,
  ) {
    this.#location = location;
    this.#clock = clock;
    this.#open = open;
  }

  // deno-lint-ignore require-await -- the contract is asynchronous; opening a file is not
  async start(): Promise<void> {
    const { directory, file, maxBytes } = this.#location;
    const made = openStateDirectory(directory);
    try {
      const opened = this.#open(file, { maxBytes });
      this.#file = opened;
      this.#image.apply(opened.readAll());
    } catch (error) {
      this.#close();
      made.undo();
      throw error;
    }
  }

  /** Throws `NOT_RUNNING` before `start`: state that has not been read yet is not absent state. */
  get(key: string): Uint8Array | undefined {
    this.#requireOpen("read");
    return this.#image.get(key);
  }

  /** Throws as {@link get}. */
  entries(prefix: string): Iterable<readonly [key: string, value: Uint8Array]> {
    this.#requireOpen("read");
    return this.#image.entries(prefix);
  }

  async commit(changes: readonly StoreChange[]): Promise<void> {
    this.#requireOpen("write");
    if (this.#failure !== undefined) throw this.#failure;
    const batch = copyChanges(changes);
    await new Promise<void>((resolve, reject) => {
      this.#queue.push({ changes: batch, resolve, reject });
      this.#turn ??= this.#clock.timer(this.#clock.now(), () => this.#flush());
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve();
    this.#flush();
    this.#close();
  }

  #requireOpen(action: string): void {
    if (this.#file !== undefined) return;
    throw new MeshError("NOT_RUNNING", `Cannot ${action} ${this.#location.file}: the store is not open`);
  }

  /** One transaction for all that is queued: all of it fails together, because a full disk judges by the sum. */
  #flush(): void {
    this.#turn?.cancel();
    this.#turn = undefined;
    const batches = this.#queue;
    this.#queue = [];
    if (batches.length === 0 || this.#file === undefined) return;
    const changes = batches.flatMap((batch) => batch.changes);
    try {
      if (this.#failure !== undefined) throw this.#failure;
      this.#file.write(changes);
    } catch (error) {
      this.#noteFailure(error);
      for (const { reject } of batches) reject(error);
      return;
    }
    this.#image.apply(changes);
    for (const { resolve } of batches) resolve();
  }

  #noteFailure(error: unknown): void {
    if (this.#failure !== undefined || !isMeshError(error) || error.details["fatal"] !== true) return;
    const text =
      `${error.message}; the disk may be failing: nothing is written any more until the node restarts`;
    this.#failure = new MeshError(errorCode(error), text, { cause: error, details: error.details });
  }

  #close(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}
