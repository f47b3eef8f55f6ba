import type { Foreign, ForeignCalls, ForeignSignature, ForeignSignatures, ForeignType } from "./foreign.ts";
import { libraryError } from "./foreign_error.ts";

/** The part of the package that is used here. */
export interface KoffiForeignApi {
  load(path: string | null): KoffiLibrary;
  view(address: bigint, length: number): ArrayBuffer;
  errno(): number;
}

interface KoffiLibrary {
  func(name: string, result: string, parameters: readonly string[]): unknown;
}

const KOFFI_TYPES: Readonly<Record<ForeignType, string>> = {
  i32: "int32_t",
  u32: "uint32_t",
  // Numbers both ways, for as long as they are safe integers.
  i64: "int64_t",
  address: "uint32_t",
  handle: "void *",
  void: "void",
};

/**
 * Foreign functions by the package koffi. Libraries stay loaded until the process ends: unloading one that the package
 * still holds functions of would leave those without code.
 */
export function koffiForeign(koffi: KoffiForeignApi): Foreign {
  return {
    way: "koffi",
    functions: (name, signatures) => koffiCalls(koffi, name, signatures),
    memory: (address, length) => koffi.view(BigInt(address), length),
    errno: () => koffi.errno(),
    [Symbol.dispose]: () => {},
  };
}

function koffiCalls<S extends ForeignSignatures>(
  koffi: KoffiForeignApi,
  name: string | null,
  signatures: S,
): ForeignCalls<S> {
  try {
    const library = koffi.load(name);
    const calls = Object.entries(signatures).map(([key, signature]) => [key, bound(library, key, signature)]);
    return Object.fromEntries(calls) as ForeignCalls<S>;
  } catch (cause) {
    throw libraryError(name, cause);
  }
}

function bound(
  library: KoffiLibrary,
  key: string,
  { symbol, parameters, result }: ForeignSignature,
): unknown {
  return library.func(symbol ?? key, KOFFI_TYPES[result], parameters.map((type) => KOFFI_TYPES[type]));
}
