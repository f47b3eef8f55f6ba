import { constants } from "node:os";

/** The numbers of errors by name, as Linux has them; the last is one that the runtimes do not list. */
export const ERRNO = { ...constants.errno, EBADFD: 77 } as const;

const names = new Map(Object.entries(ERRNO).map(([name, number]) => [number, name]));
// EWOULDBLOCK is the same number; this is the name that everybody knows.
names.set(ERRNO.EAGAIN, "EAGAIN");

/** As the runtimes throw a call that failed with a negated number: with the system's code. */
export function callError(call: string, result: number): Error {
  const code = systemErrorName(result);
  return Object.assign(new Error(`${call} failed with ${code}`), { code });
}

/** `EPERM` for -1, the result of a failed call; `error 1000` for what has no name. */
export function systemErrorName(result: number): string {
  return names.get(-result) ?? `error ${-result}`;
}
