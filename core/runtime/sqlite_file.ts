/**
 * One SQLite file as a durable map from text to bytes, for one process at a time.
 *
 * The lock is SQLite's own (an exclusive POSIX lock on the file): the kernel drops it with the process, so a kill -9
 * leaves nothing stale. A file with a process id was rejected because ids are reused. POSIX locks have one trap: they
 * fall when the process closes ANY descriptor of the file, so nothing else here may open it while it is in use.
 *
 * Every statement is prepared, none goes through `exec`: only errors of prepared statements carry SQLite's number in
 * both runtimes.
 */
import * as fs from "node:fs";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { type StoreChange, storeLimits } from "../contracts/store.ts";
import { damage, fileError } from "./sqlite_file_errors.ts";
import {
  notAnEntry,
  Opening,
  read,
  refuseDamagedLog,
  refuseRemains,
  run,
  sumOf,
} from "./sqlite_file_opening.ts";
import { type MadeState, openStateFile, removeFile } from "./state_directory.ts";

/** The log is folded into the file when it is longer: a start reads it whole, and must stay short. */
const foldBytes = 4 * 1024 * 1024;

/** No key that begins as another text does comes after that text and this, which is as long as a key may be. */
const aboveAllKeys = "\u{10ffff}".repeat(storeLimits.keyLength / 2);

export interface Entry {
  readonly key: string;
  readonly value: Uint8Array;
}

/** Called on the way, by name of the place; `changes` are those that are being written. For tests that kill there. */
export type StateProbe = (point: string, changes: readonly StoreChange[]) => void;

export interface SqliteFileOptions {
  /** No more than this on disk, rounded down to whole pages; the write-ahead log not counted. */
  readonly maxBytes?: number | undefined;
  readonly probe?: StateProbe | undefined;
}

export class SqliteFile {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #put: StatementSync;
  readonly #remove: StatementSync;
  readonly #get: StatementSync;
  readonly #range: StatementSync;
  readonly #made: MadeState;
  readonly #probe: StateProbe;

  private constructor(path: string, database: DatabaseSync, made: MadeState, probe: StateProbe) {
    this.#path = path;
    this.#database = database;
    this.#made = made;
    this.#probe = probe;
    this.#begin = database.prepare("BEGIN IMMEDIATE");
    this.#commit = database.prepare("COMMIT");
    this.#put = database.prepare("INSERT OR REPLACE INTO entries (key, value, sum) VALUES (?, ?, ?)");
    this.#remove = database.prepare("DELETE FROM entries WHERE key = ?");
    this.#get = database.prepare("SELECT key, value, sum FROM entries WHERE key = ?");
    this.#range = database.prepare("SELECT key, value, sum FROM entries WHERE key >= ? AND key <= ?");
  }

  /**
   * Opens or makes the file, takes its lock and brings it to this release's form. Throws `ALREADY_RUNNING`,
   * `STATE_CORRUPT`, `STATE_INSECURE`, `STATE_UNWRITABLE`, `DISK_FULL`, and `UNSUPPORTED` for a file of a newer release.
   * A file made here is gone again when that fails.
   */
  static open(path: string, options: SqliteFileOptions = {}): SqliteFile {
    const { probe = () => {} } = options;
    refuseRemains(path);
    const file = withLog(path, openStateFile(path));
    // Of a file that was moved away. Left here, it would make a first start that is killed look like a loss.
    if (file.made) removeFile(`${path}-start`);
    probe("made", []);
    refuseDamagedLog(path);
    const opening = new Opening(path, file.made, (point) => probe(point, []));
    try {
      opening.lock();
      opening.prepare(options.maxBytes);
      return new SqliteFile(path, opening.database, file, probe);
    } catch (error) {
      // While the lock is held: afterwards the name may already belong to another process.
      if (opening.locked) file.undo();
      opening.close();
      throw fileError("open", path, error);
    }
  }

  /** Every key and value. Throws `STATE_CORRUPT`. */
  readAll(): readonly Entry[] {
    return this.entries("");
  }

  /** Undefined when the key is absent. Throws `STATE_CORRUPT`. */
  get(key: string): Uint8Array | undefined {
    return this.#read(() => this.#get.all(key))[0]?.value;
  }

  /** All whose key begins with `prefix`, in order of key (UTF-16 code units). Throws `STATE_CORRUPT`. */
  entries(prefix: string): readonly Entry[] {
    const entries = this.#read(() => this.#range.all(prefix, prefix + aboveAllKeys));
    // SQLite compares the bytes of UTF-8, which puts characters beyond U+FFFF elsewhere.
    return entries.filter(({ key }) => key.startsWith(prefix)).sort((a, b) => a.key < b.key ? -1 : 1);
  }

  #read(rows: () => readonly Record<string, unknown>[]): Entry[] {
    try {
      return rows().map(({ key, value, sum }) => {
        if (typeof key !== "string" || !(value instanceof Uint8Array)) throw notAnEntry(this.#path);
        if (sumOf(key, value) === sum) return { key, value };
        throw damage(this.#path, "damaged", `the entry ${JSON.stringify(key)} is not as it was written`);
      });
    } catch (error) {
      throw fileError("read", this.#path, error);
    }
  }

  /**
   * All changes in one transaction; on disk when it returns. Throws `DISK_FULL` or `STATE_UNWRITABLE`, and then none
   * is. `details.fatal` says that the disk failed in a way after which nothing more may be written: what a repeated
   * fsync reports is not what an earlier one lost.
   */
  write(changes: readonly StoreChange[]): void {
    this.#inTransaction(changes, () => {
      for (const { key, value } of changes) {
        if (value === undefined) this.#remove.run(key);
        else this.#put.run(key, value, sumOf(key, value));
        this.#probe("statement", changes);
      }
    });
  }

  /** What {@link writeMarks} kept under this name: facts about the file itself, which are no entries. */
  readMark(name: string): string | undefined {
    const row = this.#database.prepare("SELECT value FROM marks WHERE name = ?").get(name);
    const value = row?.["value"];
    return typeof value === "string" ? value : undefined;
  }

  /** Durable when it returns. Throws as {@link write}. */
  writeMarks(marks: Readonly<Record<string, string>>): void {
    this.#inTransaction([], () => {
      const put = this.#database.prepare("INSERT OR REPLACE INTO marks (name, value) VALUES (?, ?)");
      for (const [name, value] of Object.entries(marks)) put.run(name, value);
    });
  }

  /**
   * Folds the log into the file when it has become long. Costs two syncs and up to 4 MiB of writes. Throws as
   * {@link write}; the log is then as good as before.
   */
  foldIfLong(): void {
    const log = fs.statSync(`${this.#path}-wal`, { throwIfNoEntry: false });
    if (log === undefined || log.size < foldBytes) return;
    this.#probe("folding", []);
    try {
      read(this.#database, "PRAGMA wal_checkpoint(TRUNCATE)");
    } catch (error) {
      throw fileError("write", this.#path, error);
    }
    this.#probe("folded", []);
  }

  /** Folds the write-ahead log into the file and frees the lock. */
  close(): void {
    this.#probe("closing", []);
    this.#database.close();
    this.#probe("closed", []);
  }

  /** As {@link close}, for a start that fails after all: removes the file if it was made by this very start. */
  discard(): void {
    // While the lock is held: afterwards the name may already belong to another process.
    this.#made.undo();
    this.#database.close();
  }

  #inTransaction(changes: readonly StoreChange[], body: () => void): void {
    const database = this.#database;
    try {
      this.#begin.run();
      this.#probe("begun", changes);
      body();
      this.#probe("written", changes);
      this.#commit.run();
    } catch (error) {
      if (database.isTransaction) rollBack(database);
      throw fileError("write", this.#path, error);
    }
    this.#probe("committed", changes);
  }
}

function rollBack(database: DatabaseSync): void {
  try {
    run(database, "ROLLBACK");
  } catch {
    // On a failing disk this fails too; the error that led here says what to do.
  }
}

/**
 * Undoes the log with the file: SQLite leaves it when the file is gone at the end, and alone it would look like a loss.
 * The log first: once the file is gone, its name and the log's may belong to another process.
 */
function withLog(path: string, { made, undo }: MadeState): MadeState {
  if (!made) return { made, undo };
  return {
    made,
    undo: () => {
      removeFile(`${path}-wal`);
      undo();
    },
  };
}
