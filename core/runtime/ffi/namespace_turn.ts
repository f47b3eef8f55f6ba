import process from "node:process";
import { MeshError } from "../../contracts/errors.ts";
import { type Libc, OPEN } from "./libc.ts";
import { ERRNO, systemErrorName } from "./system_error.ts";

/** sched.h. */
const CLONE_NEWNET = 0x40000000;

/** Ends this thread at once. */
export type End = (message: string) => never;

/**
 * Runs `body` with this thread in the network namespace at `path`, and comes back before it returns. Whatever else runs on
 * the thread must never meet a foreign namespace, so all of it is one synchronous turn. Throws what `body` throws, and
 *
 * - `NOT_FOUND`: nothing at `path`;
 * - `BIND_FAILED`: not permitted, or no network namespace is there.
 *
 * A thread that cannot come back is ended: what it opened from then on would be in the wrong network.
 */
export function inNetworkNamespace<T>(libc: Libc, path: string, body: () => T, end: End = endThread): T {
  // Not /proc/self, which is the first thread's whichever asks.
  const home = opened(libc, "/proc/thread-self/ns/net");
  try {
    const there = opened(libc, path);
    try {
      return visit(libc, { home, there, path, end }, body);
    } finally {
      libc.close(there);
    }
  } finally {
    libc.close(home);
  }
}

interface Journey {
  readonly home: number;
  readonly there: number;
  readonly path: string;
  readonly end: End;
}

function visit<T>(libc: Libc, { home, there, path, end }: Journey, body: () => T): T {
  const gone = libc.setns(there, CLONE_NEWNET);
  if (gone < 0) throw refused(`Cannot enter the network namespace ${path}`, gone);
  try {
    return body();
  } finally {
    const back = libc.setns(home, CLONE_NEWNET);
    if (back < 0) {
      end(
        `Cannot leave the network namespace ${path}: ${systemErrorName(back)}; ending, start the node again`,
      );
    }
  }
}

function opened(libc: Libc, path: string): number {
  const descriptor = libc.open(path, OPEN.readOnly | OPEN.closeOnExec);
  if (descriptor >= 0) return descriptor;
  throw refused(`Cannot open the network namespace ${path}`, descriptor);
}

function refused(what: string, result: number): MeshError {
  const reason = systemErrorName(result);
  const details = { reason };
  if (result === -ERRNO.ENOENT || result === -ERRNO.ENOTDIR) {
    return new MeshError("NOT_FOUND", `${what}: it does not exist; make it, or name another`, { details });
  }
  return new MeshError("BIND_FAILED", `${what}: ${explain(reason)}`, { details });
}

function explain(reason: string): string {
  switch (reason) {
    case "EPERM":
    case "EACCES":
      return "not permitted; run as root, or with CAP_SYS_ADMIN and CAP_NET_ADMIN";
    case "EINVAL":
      return "no network namespace is there; remove what is, or name another path";
    default:
      return `it failed with ${reason}`;
  }
}

/** `process.exit` ends the process from its first thread, and from another one that thread, which is all that is lost. */
function endThread(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
