/**
 * Foreign functions, in one form for every way to call them: `Deno.dlopen`, the package koffi, and `node:ffi` where a Node
 * has it. `system_foreign.ts` finds the way of this process. All calls are synchronous and run on the thread that makes
 * them.
 *
 * Arguments and results are plain numbers, but for handles: pointers that the library made and that only it can read.
 * Pointers to our own memory are numbers below 2^32 (see `core/datapath/arena.ts`), which every way passes fast; a BigInt or
 * a buffer for each would cost up to a hundred times as much and leave garbage. They are right for the first six
 * arguments of a call only, which travel in registers.
 */
export type ForeignType = "i32" | "u32" | "i64" | "address" | "handle" | "void";

/** A pointer of the library's: opaque. Zero is `null`. */
export type Handle = { readonly __handle: never } | null;

export interface ForeignSignature {
  /** The symbol, if it is not the key. */
  readonly symbol?: string;
  /** `address`: a pointer below 2^32. `i64`: a number that is a safe integer. */
  readonly parameters: readonly Exclude<ForeignType, "void">[];
  /** `i64` results are numbers too; `ssize_t` results of at most 2^31 are `i32`, which is faster. */
  readonly result: ForeignType;
}

export type ForeignSignatures = Readonly<Record<string, ForeignSignature>>;

export type ForeignValue = number | Handle;

export type ForeignCalls<S extends ForeignSignatures> = {
  readonly [K in keyof S]: (...values: ForeignValue[]) => S[K]["result"] extends "handle" ? Handle : number;
};

export type ForeignWay = "Deno.dlopen" | "koffi" | "node:ffi";

/** Belongs to the thread that made it. Disposing it gives its libraries back: nothing of them is called after it. */
export interface Foreign extends Disposable {
  readonly way: ForeignWay;
  /**
   * Functions of a library: a file name such as `libcrypto.so.3`, or null for what this process has loaded already, the C
   * library among it. Throws `UNSUPPORTED` when the library or a symbol is not there.
   */
  functions<const S extends ForeignSignatures>(name: string | null, signatures: S): ForeignCalls<S>;
  /** Bytes at an address of at most 2^32, for as long as somebody keeps them mapped. */
  memory(address: number, length: number): ArrayBuffer;
  /** `errno` of this thread as the last call left it, to be asked right after that call. */
  errno(): number;
}
