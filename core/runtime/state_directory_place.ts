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
  /** Names the run of the kernel; empty where it has no name. A restart is no copy: it only tells which starts share one. */
  readonly boot: string;
}

/** The number of the device is left out: it changes with the order in which disks are found at boot. */
export function placeOf(directory: string): StatePlace {
  const { ino } = fs.statSync(directory, { bigint: true });
  return {
    machine: hashOf("/etc/machine-id"),
    inode: String(ino),
    path: resolve(directory),
    boot: hashOf("/proc/sys/kernel/random/boot_id"),
  };
}

/**
 * Of an id in a file; empty where there is none. machine-id(5) asks not to be shown as it is. The host's name was rejected
 * in its place: laptops change it with the network they are in.
 */
function hashOf(path: string): string {
  try {
    const id = fs.readFileSync(path, "utf8").trim();
    return id === "" ? "" : createHash("sha256").update(`selvage state ${id}`).digest("hex").slice(0, 16);
  } catch {
    return "";
  }
}
