/** The steps from a path to a checked, locked database of this release's form. */
import * as fs from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import { MeshError } from "../contracts/errors.ts";
import { alreadyRunning, damage, isBusy } from "./sqlite_file_errors.ts";
import { isLogDamaged } from "./sqlite_file_log.ts";
import { fileIdentity, readStateFile } from "./state_directory.ts";

/** "SLVG": marks the file as ours, for `file` and against a foreign database under our name. */
const applicationId = 0x534c_5647;
/** 1: entries without sums, and no marks. */
const schemaVersion = 2;

const createEntries =
  "CREATE TABLE entries (key TEXT PRIMARY KEY, value BLOB NOT NULL, sum INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID";
const createMarks = "CREATE TABLE marks (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID";

/**
 * Refuses remains that SQLite would take for a new file: a log whose file is gone or empty holds state, and an empty
 * file in which a node has run before has lost it. `<path>-start` tells of that: a store writes it when it has started.
 * Throws `STATE_CORRUPT`.
 */
export function refuseRemains(path: string): void {
  const size = sizeOf(path);
  if (size !== undefined && size > 0) return;
  if ((sizeOf(`${path}-wal`) ?? 0) > 0) {
    const state = size === undefined ? "missing" : "empty";
    throw damage(path, "log-alone", `it is ${state}, but its log ${path}-wal is there`);
  }
  if (size !== undefined && sizeOf(`${path}-start`) !== undefined) {
    throw damage(path, "emptied", "it is empty, although a node has run on it before");
  }
}

/** Undefined for what cannot be looked at, too: whoever opens it will say why. */
function sizeOf(path: string): number | undefined {
  try {
    return fs.lstatSync(path, { throwIfNoEntry: false })?.size;
  } catch {
    return undefined;
  }
}

/**
 * Throws `STATE_CORRUPT` for a log that has lost acknowledged changes. Before SQLite opens the file for writing, since
 * it would fold in what is left and remove the log.
 */
export function refuseDamagedLog(path: string): void {
  const log = `${path}-wal`;
  const bytes = readStateFile(log);
  if (bytes === undefined || !isLogDamaged(bytes)) return;
  // Another process that works on the file may be writing its log at this very moment.
  if (isHeld(path)) throw alreadyRunning(path);
  // And it may have ended since: then what was read was half of a write, and only another look tells.
  const settled = readStateFile(log);
  if (settled === undefined || !isLogDamaged(settled)) return;
  throw damage(path, "log-damaged", `its log ${log} is damaged, and acknowledged changes in it are lost`);
}

function isHeld(path: string): boolean {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { readOnly: true });
    run(database, "PRAGMA locking_mode = EXCLUSIVE");
    read(database, "SELECT count(*) FROM sqlite_schema");
    return false;
  } catch (error) {
    return isBusy(error);
  } finally {
    database?.close();
  }
}

export class Opening {
  readonly database: DatabaseSync;
  locked = false;
  readonly #path: string;
  readonly #identity: string | undefined;
  readonly #probe: (point: string) => void;

  constructor(path: string, made: boolean, probe: (point: string) => void) {
    this.#path = path;
    this.#probe = probe;
    this.#identity = fileIdentity(path);
    try {
      this.database = new DatabaseSync(path);
    } catch (cause) {
      const what = made ? "was made but" : "exists but";
      const text = `Cannot open ${path}: it ${what} SQLite cannot open it`;
      throw new MeshError("STATE_UNWRITABLE", text, { cause, details: { path, reason: "cannot-open" } });
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
    this.#probe("locked");
  }

  prepare(maxBytes: number | undefined): void {
    const { database } = this;
    if (maxBytes !== undefined) {
      const pages = Math.floor(maxBytes / Number(read(database, "PRAGMA page_size")));
      run(database, `PRAGMA max_page_count = ${pages}`);
    }
    const version = this.#isNew() ? 0 : this.#checkedVersion();
    run(database, "PRAGMA journal_mode = WAL");
    run(database, "PRAGMA secure_delete = ON");
    // The file folds the log itself, after those who wait for a commit have been told.
    run(database, "PRAGMA wal_autocheckpoint = 0");
    this.#probe("journaled");
    if (version === 0) this.#makeTables();
    const verdict = read(database, "PRAGMA quick_check(1)");
    if (verdict !== "ok") throw damage(this.#path, "damaged", String(verdict).replaceAll(/\s+/g, " "));
    this.#probe("checked");
    if (version === 1) this.#migrate();
  }

  /** Also true after a crash between the making of the file and that of its tables. */
  #isNew(): boolean {
    return read(this.database, "SELECT count(*) FROM sqlite_schema") === 0 &&
      read(this.database, "PRAGMA application_id") === 0;
  }

  #checkedVersion(): number {
    const path = this.#path;
    if (read(this.database, "PRAGMA application_id") !== applicationId) {
      throw damage(path, "foreign", "it is the database of another program");
    }
    const version = Number(read(this.database, "PRAGMA user_version"));
    if (version >= 1 && version <= schemaVersion) return version;
    if (version < 1) throw damage(path, "unknown-form", `no release has written form ${version}`);
    throw new MeshError(
      "UNSUPPORTED",
      `Cannot open ${path}: a newer release wrote it ` +
        `(version ${version}, this one knows ${schemaVersion}); install that release again`,
      { details: { path, reason: "newer", version, known: schemaVersion } },
    );
  }

  #makeTables(): void {
    this.#inTransaction("schema", () => {
      run(this.database, createEntries);
      this.#probe("schema-half");
      run(this.database, createMarks);
      run(this.database, `PRAGMA application_id = ${applicationId}`);
    });
  }

  /** Gives the entries of form 1 their sums, where they are: a second table may not fit under `maxBytes`. */
  #migrate(): void {
    this.#inTransaction("migration", () => {
      run(this.database, "ALTER TABLE entries ADD COLUMN sum INTEGER NOT NULL DEFAULT 0");
      const put = this.database.prepare("UPDATE entries SET sum = ? WHERE key = ?");
      for (const { key, value } of this.database.prepare("SELECT key, value FROM entries").all()) {
        if (typeof key !== "string" || !(value instanceof Uint8Array)) throw notAnEntry(this.#path);
        put.run(sumOf(key, value), key);
      }
      this.#probe("migration-half");
      run(this.database, createMarks);
    });
  }

  #inTransaction(name: string, body: () => void): void {
    const { database } = this;
    run(database, "BEGIN EXCLUSIVE");
    this.#probe(`${name}-begun`);
    body();
    run(database, `PRAGMA user_version = ${schemaVersion}`);
    this.#probe(`${name}-written`);
    run(database, "COMMIT");
    this.#probe(`${name}-committed`);
  }

  close(): void {
    this.database.close();
  }
}

/** CRC-32 of the key's UTF-8, then of the value: SQLite's own checks see a broken page, not a changed byte in a value. */
export function sumOf(key: string, value: Uint8Array): number {
  return crc32(value, crc32(key));
}

export function notAnEntry(path: string): MeshError {
  return damage(path, "damaged", "an entry is not text and bytes");
}

export function run(database: DatabaseSync, sql: string): void {
  database.prepare(sql).all();
}

/** The first column of the first row. */
export function read(database: DatabaseSync, sql: string): unknown {
  return Object.values(database.prepare(sql).get() ?? {})[0];
}
