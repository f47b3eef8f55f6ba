/** What SQLite says, in the words of a node: which code, and what to do about it. */
import { type ErrorCode, MeshError } from "../contracts/errors.ts";

/** Primary result codes (sqlite.org/rescode.html); an extended code has one of these in its low byte. */
const Result = {
  error: 1,
  busy: 5,
  locked: 6,
  readOnly: 8,
  io: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  notADatabase: 26,
} as const;

/**
 * Extended code of a write that the system refused, for another reason than a full disk: a quota, a limit on file sizes,
 * a bad sector. What was synced before stands, so later writes may be tried: unlike after a failed sync.
 */
const refusedWrite = 778;

/** Why a state file cannot be used: `details.reason` of the error, for programs. */
export type StateFault =
  | "cannot-open"
  | "damaged"
  | "disk-full"
  | "emptied"
  | "foreign"
  | "input-output"
  | "locked"
  | "log-alone"
  | "log-damaged"
  | "newer"
  | "not-a-database"
  | "queue-full"
  | "read-only"
  | "unknown-form";

/** `STATE_CORRUPT`, and the two ways out. */
export function damage(path: string, reason: StateFault, what: string): MeshError {
  return new MeshError(
    "STATE_CORRUPT",
    `Cannot use ${path}: ${what}; put a backup in its place, or move it away and join again as a new node`,
    { details: { path, reason } },
  );
}

export function alreadyRunning(path: string): MeshError {
  return new MeshError(
    "ALREADY_RUNNING",
    `Cannot open ${path}: another node is running on it; stop that one, or name another state directory`,
    { details: { path, reason: "locked" satisfies StateFault } },
  );
}

/** What was thrown, named; as it was when SQLite has not thrown it. `details.fatal`: see `SqliteFile.write`. */
export function fileError(action: string, path: string, error: unknown): unknown {
  const extended = extendedResultOf(error);
  if (error instanceof MeshError || extended === undefined) return error;
  const result = extended & 0xff;
  const known = extended === refusedWrite ? refused : judge(result, path);
  if (known instanceof MeshError) return known;
  const [code, reason, text] = known;
  const message = `Cannot ${action} ${path}: ${text ?? (error as Error).message}`;
  const isFatal = result === Result.io && extended !== refusedWrite;
  const details = { path, reason, sqlite: result, fatal: isFatal };
  return new MeshError(code, message, { cause: error, details });
}

/** True when another process holds the file's lock. */
export function isBusy(error: unknown): boolean {
  const result = (extendedResultOf(error) ?? 0) & 0xff;
  return result === Result.busy || result === Result.locked;
}

function extendedResultOf(error: unknown): number | undefined {
  const number = (error as { errcode?: unknown } | undefined)?.errcode;
  return typeof number === "number" ? number : undefined;
}

type Verdict = readonly [code: ErrorCode, reason: StateFault, text: string | undefined];

const refused: Verdict = [
  "STATE_UNWRITABLE",
  "input-output",
  "the system refuses to write; look for a quota, a limit on the size of files, or a failing disk",
];

function judge(result: number, path: string): MeshError | Verdict {
  switch (result) {
    case Result.busy:
    case Result.locked:
      return alreadyRunning(path);
    case Result.full:
      return [
        "DISK_FULL",
        "disk-full",
        "the disk is full, or the file has its maxBytes; free some space, or allow it more",
      ];
    case Result.readOnly:
      return ["STATE_UNWRITABLE", "read-only", "the file or its file system is read-only; make it writable"];
    case Result.cannotOpen:
      return [
        "STATE_UNWRITABLE",
        "cannot-open",
        "SQLite cannot open it, or make its log beside it; see that this user may write the directory",
      ];
    case Result.notADatabase:
      return damage(path, "not-a-database", "it is not a database");
    case Result.error:
    case Result.corrupt:
      return damage(path, "damaged", "it is damaged");
    default:
      return ["STATE_UNWRITABLE", "input-output", undefined];
  }
}
