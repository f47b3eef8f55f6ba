import type { ForeignWay } from "./foreign.ts";

/**
 * The few calls of the C library that neither Deno nor Node offers by itself, in one form for every way to make them.
 * `system_libc.ts` finds the way that this process has.
 *
 * Results are those of the kernel, not those of the C library: zero or more, or a negated error number. `errno` belongs
 * to a thread and lasts until its next call, so each way reads it at once, and nobody else ever asks for it.
 *
 * Memory is given for the time of a call. It must not be a small array that the engine may move: make it with
 * {@link callMemory}.
 */
export interface Libc extends Disposable {
  /** How calls are made, for messages. */
  readonly way: ForeignWay;
  /** A descriptor. `flags` as in {@link OPEN}; makes no files. */
  open(path: string, flags: number): number;
  close(descriptor: number): number;
  /** With a pointer to `argument`, which the call may change. */
  ioctl(descriptor: number, request: number, argument: Uint8Array): number;
  /** With a plain number where other requests have a pointer. */
  ioctlValue(descriptor: number, request: number, value: number): number;
  /** Moves this thread, and no other, to the namespace that the descriptor stands for. */
  setns(descriptor: number, kind: number): number;
  /** A descriptor. */
  socket(family: number, type: number, protocol: number): number;
  /** `address` is a `sockaddr` of exactly its length. */
  bind(descriptor: number, address: Uint8Array): number;
  /** Bytes read. */
  read(descriptor: number, into: Uint8Array): number;
  /** Bytes written. */
  write(descriptor: number, from: Uint8Array): number;
  /**
   * Calls `readable`, at most once per turn of the event loop, for as long as the descriptor has something to read, has
   * failed or was hung up. `readable` does not throw; true says that it left something to read, false that it did
   * not. Throws `BIND_FAILED` where nothing more can be watched.
   */
  watch(descriptor: number, readable: () => boolean): Watch;
  /** Gives the library back. No watch may be open, and nothing is called after it. */
  [Symbol.dispose](): void;
}

/** When `close` resolves, `readable` is called no more and the descriptor may be closed. Works twice. */
export interface Watch {
  close(): Promise<void>;
}

/** Flags of `open`: the same on x86-64 and arm64, which are what Deno and Node run on. */
export const OPEN = { readOnly: 0, readWrite: 0o2, nonBlocking: 0o4000, closeOnExec: 0o2000000 } as const;

/**
 * Zeroed memory for a call. A typed array of up to 64 bytes made in the usual way lives in the engine's own heap, where
 * a collection moves it.
 */
export function callMemory(length: number): Uint8Array {
  return new Uint8Array(new ArrayBuffer(length));
}
