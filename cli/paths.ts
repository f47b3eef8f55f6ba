/** Where things are when nobody says: like other daemons for root, under the user's own directories for anybody else. */
import { join } from "node:path";
import type { Io } from "./io.ts";

export function defaultStateDir({ privileged, environment }: Pick<Io, "privileged" | "environment">): string {
  if (privileged) return "/var/lib/selvage";
  const home = environment["HOME"] ?? ".";
  return join(environment["XDG_STATE_HOME"] || join(home, ".local", "state"), "selvage");
}

/** What may be removed at any time, and is made anew. */
export function cacheDir({ privileged, environment }: Pick<Io, "privileged" | "environment">): string {
  if (privileged) return "/var/cache/selvage";
  const home = environment["HOME"] ?? ".";
  return join(environment["XDG_CACHE_HOME"] || join(home, ".cache"), "selvage");
}

/** Beside the state when that was named, so that two nodes on one machine need one option each. */
export function defaultSocket(stateDir: string, stateDirGiven: boolean, privileged: boolean): string {
  return privileged && !stateDirGiven ? "/run/selvage/admin.sock" : join(stateDir, "admin.sock");
}

/** Where `admin.tokenFile` names no other. */
export function defaultTokenFile(stateDir: string): string {
  return join(stateDir, "admin.token");
}

export const systemConfigFile = "/etc/selvage/selvage.yaml";
