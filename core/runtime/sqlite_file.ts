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
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { type ErrorCode, MeshError } from "../contracts/errors.ts";
import type { StoreChange } from "../contracts/store.ts";
import { fileIdentity, openStateFile } from "./state_directory.ts";

/** "SLVG": marks the file as ours, for `file` and against a foreign database under our name. */
const applicationId = 0x534c_5647;
const schemaVersion = 1;

/** Primary result codes (sqlite.org/rescode.html); an extended code has one of these in its low byte. */
const Result = {
  error: 1,
  busy: 5,
  locked: 6,
  readOnly: 8,
  io: 10,
  corrupt: 11,
  full: 13,
  notADatabase: 26,
} as const;

export interface SqliteFileOptions {
  /** No more than this on disk, rounded down to whole pages; the write-ahead log not counted. */
  readonly maxBytes?: number | undefined;
}

export class SqliteFile {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #put: StatementSync;
  readonly #remove: StatementSync;

  private constructor(path: string, database: DatabaseSync) {
    this.#path = path;
    this.#database = database;
    this.#put = database.prepare("INSERT OR REPLACE INTO entries (key, value) VALUES (?, ?)");
    this.#remove = database.prepare("DELETE FROM entries WHERE key = ?");
  }

  /**
   * Opens or makes the file and takes its lock. Throws `ALREADY_RUNNING`, `STATE_CORRUPT`, `STATE_INSECURE`,
   * `STATE_UNWRITABLE`, `DISK_FULL`, and `UNSUPPORTED` for a file of a newer release. A file made here is gone again
   * when that fails.
   */
  static open(path: string, options: SqliteFileOptions = {}): SqliteFile {
    const file = openStateFile(path);
    const opening = new Opening(path, file.made);
    try {
      opening.lock();
      opening.prepare(options);
      return new SqliteFile(path, opening.database);
    } catch (error) {
      // While the lock is held: afterwards the name may already belong to another process.
      if (opening.locked) file.undo();
      opening.close();
      throw fileError("open", path, error);
    }
  }

  /** Every key and value. Throws `STATE_CORRUPT`. */
  readAll(): readonly StoreChange[] {
    try {
      const rows = this.#database.prepare("SELECT key, value FROM entries").all();
      return rows.map(({ key, value }) => {
        if (typeof key === "string" && value instanceof Uint8Array) return { key, value };
        throw new MeshError("STATE_CORRUPT", damage(this.#path, "an entry is not text and bytes"));
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
    const database = this.#database;
    try {
      run(database, "BEGIN IMMEDIATE");
      for (const { key, value } of changes) {
        if (value === undefined) this.#remove.run(key);
        else this.#put.run(key, value);
      }
      run(database, "COMMIT");
    } catch (error) {
      if (database.isTransaction) run(database, "ROLLBACK");
      throw fileError("write", this.#path, error);
    }
  }

  /** Folds the write-ahead log into the file and frees the lock. */
  close(): void {
    this.#database.close();
  }
}

/** The steps from a path to a checked, locked database. */
class Opening {
  readonly database: DatabaseSync;
  locked = false;
  readonly #path: string;
  readonly #identity: string | undefined;

  constructor(path: string, made: boolean) {
    this.#path = path;
    this.#identity = fileIdentity(path);
    try {
      this.database = new DatabaseSync(path);
    } catch (cause) {
      const what = made ? "was made but" : "exists but";
      throw new MeshError("STATE_UNWRITABLE", `Cannot open ${path}: it ${what} SQLite cannot open it`, {
        cause,
      });
    }
  }

  lock(): void {
    // ORDER: exclusive mode before the first access, else SQLite makes a shared-memory file that it never needs.
    run(this.database, "PRAGMA locking_mode = EXCLUSIVE");
    run(this.database, "PRAGMA synchronous = FULL");
    run(this.database, "BEGIN EXCLUSIVE");
    run(this.database, "COMMIT");
    if (fileIdentity(this.#path) !== this.#identity) {
      // Its maker failed to start and removed it between our open and our lock.
      throw new MeshError(
        "ALREADY_RUNNING",
        `Cannot open ${this.#path}: another start was using it; start again`,
      );
    }
    this.locked = true;
  }

  prepare({ maxBytes }: SqliteFileOptions): void {
    const { database } = this;
    if (maxBytes !== undefined) {
      const pages = Math.floor(maxBytes / Number(read(database, "PRAGMA page_size")));
      run(database, `PRAGMA max_page_count = ${pages}`);
    }
    const isNew = this.#isNew();
    if (!isNew) this.#checkVersion();
    run(database, "PRAGMA journal_mode = WAL");
    run(database, "PRAGMA secure_delete = ON");
    if (isNew) this.#makeTables();
    const verdict = read(database, "PRAGMA quick_check(1)");
    if (verdict !== "ok") {
      throw new MeshError("STATE_CORRUPT", damage(this.#path, String(verdict).replaceAll(/\s+/g, " ")));
    }
  }

  /** Also true after a crash between the making of the file and that of its tables. */
  #isNew(): boolean {
    return read(this.database, "SELECT count(*) FROM sqlite_schema") === 0 &&
      read(this.database, "PRAGMA application_id") === 0;
  }

  #checkVersion(): void {
    if (read(this.database, "PRAGMA application_id") !== applicationId) {
      throw new MeshError("STATE_CORRUPT", damage(this.#path, "it is the database of another program"));
    }
    const version = Number(read(this.database, "PRAGMA user_version"));
    if (version === schemaVersion) return;
    throw new MeshError(
      "UNSUPPORTED",
      `Cannot open ${this.#path}: a newer release wrote it ` +
        `(version ${version}, this one knows ${schemaVersion}); install that release again`,
      {
        details: { path: this.#path, version, known: schemaVersion },
      },
    );
  }

  #makeTables(): void {
    const { database } = this;
    run(database, "BEGIN EXCLUSIVE");
    run(database, "CREATE TABLE entries (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID");
    run(database, `PRAGMA application_id = ${applicationId}`);
    run(database, `PRAGMA user_version = ${schemaVersion}`);
    run(database, "COMMIT");
  }

  close(): void {
    this.database.close();
  }
}

function run(database: DatabaseSync, sql: string): void {
  database.prepare(sql).all();
}

/** The first column of the first row. */
function read(database: DatabaseSync, sql: string): unknown {
  return Object.values(database.prepare(sql).get() ?? {})[0];
}

function fileError(action: string, path: string, error: unknown): unknown {
  if (error instanceof MeshError) return error;
  const result = resultOf(error);
  if (result === undefined) return error;
  const [code, text] = judge(result, path);
  const details = { path, sqlite: result, fatal: result === Result.io };
  return new MeshError(code, text ?? `Cannot ${action} ${path}: ${(error as Error).message}`, {
    cause: error,
    details,
  });
}

function resultOf(error: unknown): number | undefined {
  const number = (error as { errcode?: unknown }).errcode;
  return typeof number === "number" ? number & 0xff : undefined;
}

function judge(result: number, path: string): readonly [code: ErrorCode, message: string | undefined] {
  switch (result) {
    case Result.busy:
    case Result.locked:
      return [
        "ALREADY_RUNNING",
        `Cannot open ${path}: another node is running on it; stop that one, or ` +
        "name another state directory",
      ];
    case Result.full:
      return ["DISK_FULL", `Cannot write ${path}: the disk is full; free some space`];
    case Result.readOnly:
      return ["STATE_UNWRITABLE", `Cannot write ${path}: the file or its file system is read-only`];
    case Result.error:
    case Result.corrupt:
    case Result.notADatabase:
      return [
        "STATE_CORRUPT",
        damage(path, result === Result.notADatabase ? "it is not a database" : "it is damaged"),
      ];
    default:
      return ["STATE_UNWRITABLE", undefined];
  }
}

function damage(path: string, what: string): string {
  return `Cannot use ${path}: ${what}; put a backup in its place, or move it away and join again as a new node`;
}
