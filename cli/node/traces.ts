/** What a node leaves in its state directory, and taking it away again. */
import { existsSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { storeKeys } from "../../core/node/state_records.ts";
import { SqliteFile } from "../../core/runtime/sqlite_file.ts";

export const logFile = "node.log";

const database = "selvage.db";
const ownFiles = /^(selvage\.db(-wal|-shm|-journal)?|node\.log|admin\.sock)$/;

/** Names of files there that are ours; none where there is no directory. */
export function ownTraces(stateDir: string): readonly string[] {
  return existsSync(stateDir) ? readdirSync(stateDir).filter((name) => ownFiles.test(name)).toSorted() : [];
}

/** Removes our own files, and the directory if nothing else is in it. Returns what was removed, by path. */
export function removeTraces(stateDir: string): readonly string[] {
  const removed = ownTraces(stateDir).map((name) => join(stateDir, name));
  for (const path of removed) rmSync(path, { force: true });
  return removeIfEmpty(stateDir) ? [...removed, stateDir] : removed;
}

function removeIfEmpty(directory: string): boolean {
  if (!existsSync(directory) || readdirSync(directory).length > 0) return false;
  rmdirSync(directory);
  return true;
}

export interface Traces {
  /** `everything`: also the network that was entered, because nobody else can know it. */
  undo(everything: boolean): void;
}

/**
 * Looks before a start, to undo after a failed one. A node that has entered no network has nothing to remember, and its
 * files would only make the next start look like a second one. Whatever was there before stays; so does a database that
 * holds an identity, unless told otherwise: the node may have been admitted under it.
 */
export function watchTraces(stateDir: string): Traces {
  const missing = missingDirectories(resolve(stateDir));
  const isNew = !ownTraces(stateDir).includes(database);
  return {
    undo: (everything) => {
      if (isNew && (everything || isUnused(stateDir))) removeDatabase(stateDir);
      for (const directory of missing) removeIfEmpty(directory);
    },
  };
}

function removeDatabase(stateDir: string): void {
  const files = ownTraces(stateDir).filter((name) => name.startsWith(database));
  for (const name of files) rmSync(join(stateDir, name), { force: true });
}

/** `path` and those above it that are not there, the deepest first. */
function missingDirectories(path: string): string[] {
  return existsSync(path) ? [] : [path, ...missingDirectories(dirname(path))];
}

/**
 * Whether no network has been entered: the identity is stored in the same step. False when it cannot be told, for
 * another node may be using it.
 */
function isUnused(stateDir: string): boolean {
  if (!ownTraces(stateDir).includes(database)) return false;
  try {
    const file = SqliteFile.open(join(stateDir, database));
    try {
      return !file.readAll().some(({ key }) => key === storeKeys.identity);
    } finally {
      file.close();
    }
  } catch {
    return false;
  }
}
