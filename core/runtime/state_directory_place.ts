/** Where a state directory is, so that a copy of it can be told from the original. */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { resolve } from "node:path";

export interface StatePlace {
  /** Names the machine without telling its id to anybody else; empty where it has none. */
  readonly machine: string;
  /** Of the directory: a move inside a file system keeps it, a copy does not. */
  readonly inode: string;
  /** For people. A path alone says nothing: moving a directory is legitimate. */
  readonly path: string;
}

/**
 * The number of the device is left out: it changes with the order in which disks are found at boot. So is the boot's own
 * id, since a restart is no copy.
 */
export function placeOf(directory: string): StatePlace {
  const { ino } = fs.statSync(directory, { bigint: true });
  return { machine: machineName(), inode: String(ino), path: resolve(directory) };
}

/**
 * A hash of machine-id(5), which asks not to be shown as it is; empty where there is none. The host's name was rejected in
 * its place: laptops change it with the network they are in.
 */
function machineName(): string {
  try {
    const id = fs.readFileSync("/etc/machine-id", "utf8").trim();
    return createHash("sha256").update(`selvage state ${id}`).digest("hex").slice(0, 16);
  } catch {
    return "";
  }
}
