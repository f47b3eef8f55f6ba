/** What a node leaves in its state directory, and taking it away again. */
import { existsSync, readdirSync, rmdirSync, rmSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { errorCode, MeshError } from "../../core/contracts/errors.ts";
import { storeKeys } from "../../core/node/state_records.ts";
import { SqliteFile } from "../../core/runtime/sqlite_file.ts";

const database = "selvage.db";
const ownFiles =
  /^(selvage\.db(-wal|-shm|-journal|-start)?|node\.log(\.1)?|ports\.json|admin\.(sock|token))$/;

/** Names of files there that are ours; none where there is no directory. */
export function ownTraces(stateDir: string): readonly string[] {
  return namesIn(stateDir).filter((name) => ownFiles.test(name)).toSorted();
}

/**
 * Throws `ALREADY_RUNNING` while a process works on the database, also one whose socket is gone: it would go on with
 * files that nobody can find any more.
 */
export function requireUnused(stateDir: string): void {
  if (!ownTraces(stateDir).includes(database)) return;
  try {
    SqliteFile.open(join(stateDir, database)).close();
  } catch (error) {
    if (errorCode(error) === "ALREADY_RUNNING") throw error;
    // Damaged, or of another user: what cannot be used may go all the more, or cannot be removed either.
  }
}

/** Removes our own files, and the directory if nothing else is in it. Returns what was removed, by path. */
export function removeTraces(stateDir: string): readonly string[] {
  const removed = ownTraces(stateDir).map((name) => join(stateDir, name));
  for (const path of removed) rmSync(path, { force: true });
  return removeIfEmpty(stateDir) ? [...removed, stateDir] : removed;
}

/** None where something else stands in place of a directory: the start says so, in its own words. */
function namesIn(path: string): readonly string[] {
  return isDirectory(path) ? entriesOf(path) : [];
}

function entriesOf(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "EACCES") throw cause;
    const message = `Cannot read the state directory ${directory}: not permitted; ` +
      "run this as the user whose node it is, or name another with --state-dir";
    throw new MeshError("STATE_UNWRITABLE", message, { cause, details: { path: directory } });
  }
}

function isDirectory(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}

function removeIfEmpty(directory: string): boolean {
  if (!isDirectory(directory) || entriesOf(directory).length > 0) return false;
  rmdirSync(directory);
  return true;
}

/**
 * What of a new database may go again: `unused`, only one without an identity, since a node may have been admitted under
 * it although the answer was lost; `refused`, also the identity, since a member said no; `everything`, also the network,
 * since nobody else can know it.
 */
export type Undo = "unused" | "refused" | "everything";

/**
 * Looks before a start, to undo after a failed one: a node that has entered no network has nothing to remember, and its
 * files would only make the next start look like a second one. Whatever was there before stays.
 */
export function watchTraces(stateDir: string): { undo(what: Undo): void } {
  const missing = missingDirectories(resolve(stateDir));
  const isNew = !ownTraces(stateDir).includes(database);
  return {
    undo: (what) => {
      if (isNew && (what === "everything" || lacks(stateDir, kept[what]))) removeDatabase(stateDir);
      for (const directory of missing) removeIfEmpty(directory);
    },
  };
}

/** The key whose presence keeps the database. */
const kept = { unused: storeKeys.identity, refused: storeKeys.network } as const;

function removeDatabase(stateDir: string): void {
  const files = ownTraces(stateDir).filter((name) => name.startsWith(database));
  for (const name of files) rmSync(join(stateDir, name), { force: true });
}

/** `path` and those above it that are not there, the deepest first. */
function missingDirectories(path: string): string[] {
  return existsSync(path) ? [] : [path, ...missingDirectories(dirname(path))];
}

/** False when it cannot be told: another node may be using it. */
function lacks(stateDir: string, wanted: string): boolean {
  if (!ownTraces(stateDir).includes(database)) return false;
  try {
    const file = SqliteFile.open(join(stateDir, database));
    try {
      return !file.readAll().some(({ key }) => key === wanted);
    } finally {
      file.close();
    }
  } catch {
    return false;
  }
}
