import { MeshError } from "../../contracts/errors.ts";

/** `UNSUPPORTED` for a library, or null for what the process has loaded, that did not load or lacks a symbol. */
export function libraryError(name: string | null, cause: unknown): MeshError {
  const why = firstLine(cause);
  const message = name === null
    ? `Cannot call what this process has loaded: ${why}; use a Linux with glibc`
    : `Cannot call the library ${name}: ${why}; install it, or the version that has what is missing`;
  return new MeshError("UNSUPPORTED", message, { cause });
}

/** What a thrown value says: messages of native modules go on with advice for who builds them. */
export function firstLine(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause);
  return text.split("\n", 1)[0]!;
}
