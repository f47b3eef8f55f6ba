import os from "node:os";

/** What people call this machine: the default name of its node. `localhost` where the system has no name for it. */
export function hostName(): string {
  return os.hostname().trim() || "localhost";
}
