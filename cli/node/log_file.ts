/** The log of a node that runs detached: private, and rotated once when a start finds it long. */
import { openSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { openStateFile } from "../../core/runtime/state_directory.ts";

export const logFile = "node.log";
/** What an earlier start has set aside; the next one replaces it. */
export const oldLogFile = `${logFile}.1`;

/**
 * At a start only: the node writes to what it was given, and nobody may take that away below it. Who wants more has
 * `logrotate` with `copytruncate`, since the file is written by appending.
 */
const longestLog = 10 * 1024 * 1024;

export interface LogFile {
  readonly path: string;
  /** Writes are appended. */
  readonly descriptor: number;
  /** After a start that failed: removes what was made for it, and puts back what was set aside. */
  undo(): void;
}

/** Errors as `openStateFile`. A log that cannot be set aside goes on growing: no reason for a node not to start. */
export function openLogFile(stateDir: string): LogFile {
  const path = join(stateDir, logFile);
  const [found, aside] = [openStateFile(path), join(stateDir, oldLogFile)];
  const isRotated = statSync(path).size > longestLog && move(path, aside);
  const made = isRotated ? openStateFile(path) : found;
  const undo = () => {
    made.undo();
    if (isRotated) move(aside, path);
  };
  return { path, descriptor: openSync(path, "a"), undo };
}

function move(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch {
    return false;
  }
}
