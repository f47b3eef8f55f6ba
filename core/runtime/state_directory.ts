/**
 * The directory and the file that hold a node's secrets: made private from their first moment, and refused when others
 * can reach them. Checks happen at every start, because a restore or a careless `chmod -R` undoes them silently.
 */
import * as fs from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import { MeshError } from "../contracts/errors.ts";
import { systemCode } from "./bind_error.ts";

/** What {@link openStateDirectory} and {@link openStateFile} made, to be undone when the start fails later on. */
export interface MadeState {
  /** True when it did not exist before. */
  readonly made: boolean;
  /** Removes what was made: directories only while they are empty. Never fails. */
  undo(): void;
}

const notMade: MadeState = { made: false, undo: () => {} };

/**
 * Makes `path` with mode 0700, missing parents too, or checks that it is a directory of this user that nobody else can
 * enter. Throws `STATE_INSECURE`, `STATE_UNWRITABLE` or `DISK_FULL`.
 */
export function openStateDirectory(path: string): MadeState {
  const found = attempt(
    "look at the state directory",
    path,
    () => fs.statSync(path, { throwIfNoEntry: false }),
  );
  if (found === undefined) return makeDirectory(path);
  if (!found.isDirectory()) {
    throw new MeshError(
      "STATE_UNWRITABLE",
      `Cannot keep state in ${path}: it is not a directory; name another`,
    );
  }
  refuseForeign(path, found, 0o700);
  return notMade;
}

function makeDirectory(path: string): MadeState {
  const missing = attempt("look at the state directory", path, () => missingDirectories(path));
  const top = missing.at(-1) ?? path;
  try {
    attempt("make the state directory", path, () => {
      // One by one: the recursive form of Node never returns below /proc, where making a directory says "no such file".
      for (const directory of missing.toReversed()) {
        makeOne(directory);
        syncDirectory(dirname(directory));
      }
    });
  } catch (error) {
    for (const directory of missing) removeEmpty(directory, directory);
    throw error;
  }
  return { made: true, undo: () => removeEmpty(path, top) };
}

/** `path` and those above it that are not there, the deepest first. */
function missingDirectories(path: string): string[] {
  const missing: string[] = [];
  let at = path;
  while (fs.statSync(at, { throwIfNoEntry: false }) === undefined) {
    missing.push(at);
    if (dirname(at) === at) break;
    at = dirname(at);
  }
  return missing;
}

function makeOne(directory: string): void {
  try {
    fs.mkdirSync(directory, { mode: 0o700 });
  } catch (error) {
    // Another process was faster: what it made is checked at the next start, as any directory that was there.
    if (systemCode(error) !== "EEXIST" || !fs.statSync(directory).isDirectory()) throw error;
    return;
  }
  // A umask may have taken rights from the owner; it cannot have given any to others.
  fs.chmodSync(directory, 0o700);
}

/** Removes `path` and its parents up to `top`, as long as each is empty. */
function removeEmpty(path: string, top: string): void {
  try {
    fs.rmdirSync(path);
  } catch {
    return;
  }
  if (path !== top && dirname(path) !== path) removeEmpty(dirname(path), top);
}

/** Makes the names in a directory durable. File systems that cannot do it have nothing to lose by it. */
function syncDirectory(path: string): void {
  let descriptor: number | undefined;
  try {
    descriptor = fs.openSync(path, "r");
    fs.fsyncSync(descriptor);
  } catch {
    // Not supported here.
  } finally {
    if (descriptor !== undefined) fs.closeSync(descriptor);
  }
}

/**
 * Makes the empty file `path` with mode 0600, or checks that it is a regular file of this user alone. A symbolic link
 * is refused: it would let whoever made it choose where the secrets go. Errors as {@link openStateDirectory}.
 */
export function openStateFile(path: string): MadeState {
  const found = attempt("look at", path, () => fs.lstatSync(path, { throwIfNoEntry: false }));
  if (found === undefined) return makeFile(path);
  if (!found.isFile()) {
    const kind = found.isSymbolicLink() ? "a symbolic link" : "not a regular file";
    throw new MeshError("STATE_INSECURE", `Cannot use ${path}: it is ${kind}; move it away`, {
      details: { path },
    });
  }
  refuseForeign(path, found, 0o600);
  // Fails where nothing can be written. Opening it would tell too, but closing any descriptor of a file drops this
  // process' locks on it; and `access` does not see a read-only mount in every runtime.
  attempt("write", path, () => fs.chmodSync(path, 0o600));
  return notMade;
}

function makeFile(path: string): MadeState {
  const { O_CREAT, O_EXCL, O_RDWR } = fs.constants;
  attempt("make", path, () => {
    const descriptor = fs.openSync(path, O_CREAT | O_EXCL | O_RDWR, 0o600);
    fs.fchmodSync(descriptor, 0o600);
    fs.closeSync(descriptor);
  });
  return { made: true, undo: () => removeFile(path) };
}

/** Never fails. */
export function removeFile(path: string): void {
  try {
    fs.rmSync(path, { force: true });
  } catch {
    // What cannot be removed stays behind empty; the error that led here matters more.
  }
}

/** Undefined when there is no such file. Not for a file that SQLite has open. Errors as {@link openStateDirectory}. */
export function readStateFile(path: string): Uint8Array | undefined {
  return attempt("read", path, () => {
    try {
      return new Uint8Array(fs.readFileSync(path));
    } catch (error) {
      // Also when it goes just now: another process that ends removes its log.
      if (systemCode(error) === "ENOENT") return undefined;
      throw error;
    }
  });
}

/** Replaces what is in a small file of mode 0600; on disk when it returns. Errors as {@link openStateDirectory}. */
export function writeStateFile(path: string, bytes: Uint8Array): void {
  attempt("write", path, () => {
    const descriptor = fs.openSync(path, "w", 0o600);
    try {
      fs.fchmodSync(descriptor, 0o600);
      fs.writeSync(descriptor, bytes);
      fs.fsyncSync(descriptor);
    } finally {
      fs.closeSync(descriptor);
    }
    syncDirectory(dirname(path));
  });
}

/** Names the file behind `path`, for telling whether a path still means what it meant; undefined when it is gone. */
export function fileIdentity(path: string): string | undefined {
  const found = fs.lstatSync(path, { throwIfNoEntry: false });
  return found === undefined ? undefined : `${found.dev}:${found.ino}`;
}

function refuseForeign(path: string, found: fs.Stats, mode: number): void {
  const user = process.geteuid?.();
  // Without POSIX users the mode says nothing; the profile's access list guards the directory there.
  if (user === undefined) return;
  if (found.uid !== user) {
    throw insecure(
      path,
      `it belongs to user ${found.uid}, not to user ${user}`,
      `chown ${user} ${quote(path)}`,
    );
  }
  if ((found.mode & 0o777 & ~mode) === 0) return;
  const text = (found.mode & 0o777).toString(8).padStart(4, "0");
  throw insecure(path, `its mode ${text} lets others in`, `chmod ${mode.toString(8)} ${quote(path)}`);
}

function insecure(path: string, what: string, remedy: string): MeshError {
  return new MeshError("STATE_INSECURE", `Cannot keep secrets in ${path}: ${what}; run: ${remedy}`, {
    details: { path, remedy },
  });
}

/** The path as one word of a shell. */
function quote(path: string): string {
  return /^[\w./:@%+=-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}

function attempt<T>(action: string, path: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    throw stateError(action, path, cause);
  }
}

function stateError(action: string, path: string, cause: unknown): MeshError {
  const reason = systemCode(cause);
  const details = { path, reason };
  if (reason === "ENOSPC" || reason === "EDQUOT") {
    return new MeshError("DISK_FULL", `Cannot ${action} ${path}: no space left; free some and start again`, {
      cause,
      details,
    });
  }
  const message = `Cannot ${action} ${path}: ${explain(reason, cause)}`;
  return new MeshError("STATE_UNWRITABLE", message, { cause, details });
}

function explain(reason: string | undefined, cause: unknown): string {
  switch (reason) {
    case "EACCES":
    case "EPERM":
      return "not permitted; name a state directory that this user may write";
    case "EROFS":
      return "the file system is mounted read-only; name a state directory elsewhere";
    case "ENOTDIR":
    case "EEXIST":
      return "a part of the path is a file; name another state directory";
    case "ENOENT":
      return "no directory can be made there; name another state directory";
    case "ENAMETOOLONG":
      return "the path is too long; name another state directory";
    case "ELOOP":
      return "symbolic links in the path lead in a circle; name another state directory";
    case "EIO":
      return "the disk reports an input/output error; check it before anything else";
    default:
      return cause instanceof Error ? cause.message : String(cause);
  }
}
