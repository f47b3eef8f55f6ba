import process from "node:process";

/**
 * Runs `create` with this file mode mask, so that what it makes has its final permissions from the first moment: a
 * `chmod` afterwards leaves a gap in which anyone may open it.
 *
 * The mask belongs to the whole process. Hence synchronous only: across an `await` other code would make its files
 * under it too. Both runtimes bind a unix socket inside the call of `listen`.
 */
export function withUmask<T>(mask: number, create: () => T): T {
  const before = process.umask(mask);
  try {
    return create();
  } finally {
    process.umask(before);
  }
}
