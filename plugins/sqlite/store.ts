/**
 * Reads go to the file; writes are gathered and put on disk together.
 *
 * A copy of everything in memory was rejected: whoever needs an entry often holds what it means, so that of thousands of
 * records of members each would be there twice. What is read again and again is in SQLite's own cache, which is bounded.
 *
 * The write is synchronous, on the main thread. A thread for it was rejected: gathering makes the number of syncs
 * independent of the number of commits, a portion is bounded, the packet path is not on this thread in host mode, and a
 * second thread would bring a second way to die between "written" and "acknowledged". The README has the figures.
 */
import { errorCode, isMeshError, MeshError } from "../../core/contracts/errors.ts";
import type { Host, Timer } from "../../core/contracts/host.ts";
import type { Lifecycle } from "../../core/contracts/lifecycle.ts";
import type { Store, StoreChange, StoreNotice } from "../../core/contracts/store.ts";
import { SqliteFile, type SqliteFileOptions, type StateProbe } from "../../core/runtime/sqlite_file.ts";
import { afterThisTurn } from "../../core/runtime/sqlite_file_turn.ts";
import { openStateDirectory, readStateFile, writeStateFile } from "../../core/runtime/state_directory.ts";
import { placeOf } from "../../core/runtime/state_directory_place.ts";
import { batchSize, copyBatch } from "../../core/runtime/store_image.ts";
import { encodeHex } from "../../core/wire/hex.ts";
import { CommitQueue, type GroupLimits, writeGroup } from "./group.ts";
import { formatStartMark, judgeOrigin, parseStartMark, type StartMark } from "./origin.ts";

export interface SqliteLocation {
  readonly directory: string;
  readonly file: string;
  readonly maxBytes?: number | undefined;
  /** For tests: see {@link StateProbe}. */
  readonly probe?: StateProbe | undefined;
  readonly group?: GroupLimits | undefined;
}

/** The part of {@link SqliteFile} that a store uses. */
export type StateFile = Pick<
  SqliteFile,
  "readAll" | "get" | "entries" | "write" | "readMark" | "writeMarks" | "foldIfLong" | "close" | "discard"
>;
export type OpenFile = (path: string, options: SqliteFileOptions) => StateFile;
export type SqliteHost = Pick<Host, "random" | "log">;

const idBytes = 8;

export class SqliteStore implements Store, Lifecycle {
  readonly #location: SqliteLocation;
  readonly #host: SqliteHost;
  readonly #open: OpenFile;
  readonly #probe: StateProbe;
  readonly #queue: CommitQueue;
  #file: StateFile | undefined;
  #notices: readonly StoreNotice[] = [];
  #turn: Timer | undefined;
  #fold: Timer | undefined;
  /** Told once, since it is tried after every write. */
  #isFoldFailing = false;
  /** Why nothing may be written any more. */
  #failure: MeshError | undefined;

  constructor(location: SqliteLocation, host: SqliteHost, open: OpenFile = SqliteFile.open) {
    this.#location = location;
    this.#host = host;
    this.#open = open;
    this.#probe = location.probe ?? (() => {});
    this.#queue = new CommitQueue(location.group);
  }

  // deno-lint-ignore require-await -- the contract is asynchronous; opening a file is not
  async start(): Promise<void> {
    const { directory, file, maxBytes, probe } = this.#location;
    const made = openStateDirectory(directory);
    try {
      const beside = readStateFile(`${file}-start`);
      const opened = this.#open(file, { maxBytes, probe });
      this.#file = opened;
      // A start must not go well on a file of which some entry cannot be read.
      const hasEntries = opened.readAll().length > 0;
      this.#probe("read", []);
      this.#noteStart(opened, beside, hasEntries);
    } catch (error) {
      this.#file?.discard();
      this.#file = undefined;
      made.undo();
      throw error;
    }
  }

  /**
   * Throws `NOT_RUNNING` before `start`: state that has not been read yet is not absent state; and `STATE_CORRUPT` for an
   * entry that the disk has damaged since.
   */
  get(key: string): Uint8Array | undefined {
    return this.#opened("read").get(key);
  }

  /** Throws as {@link get}. */
  entries(prefix: string): Iterable<readonly [key: string, value: Uint8Array]> {
    return this.#opened("read").entries(prefix).map(({ key, value }) => [key, value]);
  }

  async commit(changes: readonly StoreChange[]): Promise<void> {
    this.#opened("write");
    if (this.#failure !== undefined) throw this.#failure;
    const batch = copyBatch(changes);
    await new Promise<void>((resolve, reject) => {
      const settle = (error?: unknown) => {
        if (error !== undefined) return reject(error);
        resolve();
        this.#probe("acknowledged", batch);
      };
      this.#queue.push({ changes: batch, size: batchSize(batch), settle });
      this.#probe("queued", batch);
      this.#turn ??= afterThisTurn(() => this.#flush());
    });
  }

  notices(): readonly StoreNotice[] {
    return this.#notices;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve();
    this.#fold?.cancel();
    while (this.#queue.length > 0) this.#flush();
    this.#turn?.cancel();
    this.#close();
  }

  #opened(action: string): StateFile {
    if (this.#file !== undefined) return this.#file;
    throw new MeshError("NOT_RUNNING", `Cannot ${action} ${this.#location.file}: the store is not open`);
  }

  /** In the file first: were it the other way round, a kill in between would look like a copy put back. */
  #noteStart(opened: StateFile, beside: Uint8Array | undefined, hasEntries: boolean): void {
    const { directory } = this.#location;
    const origin = {
      id: opened.readMark("id"),
      starts: opened.readMark("starts"),
      place: opened.readMark("place"),
      hasEntries,
    };
    const freshId = encodeHex(this.#host.random.fill(new Uint8Array(idBytes)));
    const { notices, mark, place } = judgeOrigin(
      origin,
      beside && parseStartMark(beside),
      placeOf(directory),
      freshId,
    );
    this.#notices = notices;
    for (const { name, detail } of notices) {
      this.#host.log.log("warn", "The state is not as it was left", { what: name, reason: detail });
    }
    opened.writeMarks({ id: mark.id, starts: String(mark.starts), place });
    this.#probe("marked", []);
    this.#markBeside(mark);
    this.#probe("started", []);
  }

  /** Without it a copy that is put back later may pass unseen; no reason not to start. */
  #markBeside(mark: StartMark): void {
    try {
      writeStateFile(`${this.#location.file}-start`, formatStartMark(mark));
    } catch (error) {
      this.#host.log.log("warn", "The number of this start cannot be kept beside the state file", { error });
    }
  }

  /** One portion of what waits; the rest in the next turn, so that packets get their turn in between. */
  #flush(): void {
    this.#turn?.cancel();
    this.#turn = undefined;
    writeGroup(this.#queue.take(), (changes) => this.#write(changes));
    if (this.#queue.length > 0) {
      this.#probe("between-groups", []);
      this.#turn = afterThisTurn(() => this.#flush());
    }
    this.#fold ??= afterThisTurn(() => this.#foldLog());
  }

  #write(changes: readonly StoreChange[]): void {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      this.#file!.write(changes);
    } catch (error) {
      this.#noteFailure(error);
      throw error;
    }
  }

  /** After the acknowledgements: nobody waits for it. A log that cannot be folded now stays good, and grows. */
  #foldLog(): void {
    this.#fold = undefined;
    try {
      this.#file?.foldIfLong();
      this.#isFoldFailing = false;
    } catch (error) {
      this.#noteFailure(error);
      if (this.#isFoldFailing) return;
      this.#isFoldFailing = true;
      this.#host.log.log("warn", "The log of the state file cannot be folded into it", { error });
    }
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
