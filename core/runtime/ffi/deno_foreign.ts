import type { Foreign, ForeignCalls, ForeignSignature, ForeignSignatures, ForeignType } from "./foreign.ts";
import { libraryError } from "./foreign_error.ts";

/** The part of the `Deno` global that is used here. Its real types do not exist where Node checks the sources. */
export interface DenoForeignApi {
  dlopen(path: string, wanted: Record<string, DenoSymbol>): DenoLibrary;
  readonly UnsafePointer: { create(address: bigint): object | null };
  readonly UnsafePointerView: { getArrayBuffer(pointer: object, length: number): ArrayBuffer };
}

interface DenoSymbol {
  readonly name: string;
  readonly parameters: readonly string[];
  readonly result: string;
}

interface DenoLibrary {
  readonly symbols: Readonly<Record<string, DenoCall>>;
  close(): void;
}

type DenoCall = (...values: readonly unknown[]) => unknown;

/**
 * Of these only does Deno compile a direct call: with `usize`, a plain number leaves it, which makes a call of 5 ns one
 * of 100.
 */
const DENO_TYPES: Readonly<Record<ForeignType, string>> = {
  i32: "i32",
  u32: "u32",
  i64: "i64",
  address: "u32",
  handle: "pointer",
  void: "void",
};

/** Foreign functions by `Deno.dlopen`. Throws what Deno throws without `--allow-ffi`, or where there is no glibc. */
export function denoForeign(deno: DenoForeignApi): Foreign {
  const own = deno.dlopen("libc.so.6", {
    location: { name: "__errno_location", parameters: [], result: "pointer" },
  });
  const opened = [own];
  const location = own.symbols["location"]!() as object;
  const errno = new Int32Array(deno.UnsafePointerView.getArrayBuffer(location, 4));
  return {
    way: "Deno.dlopen",
    functions: (name, signatures) => {
      const library = openLibrary(deno, name, signatures);
      opened.push(library);
      return denoCalls(library, signatures);
    },
    memory: (address, length) => {
      const pointer = deno.UnsafePointer.create(BigInt(address));
      return pointer === null ? new ArrayBuffer(0) : deno.UnsafePointerView.getArrayBuffer(pointer, length);
    },
    errno: () => errno[0]!,
    [Symbol.dispose]: () => {
      for (const library of opened.splice(0)) library.close();
    },
  };
}

function openLibrary(deno: DenoForeignApi, name: string | null, signatures: ForeignSignatures): DenoLibrary {
  const wanted = Object.entries(signatures).map(([key, signature]) =>
    [key, symbolOf(key, signature)] as const
  );
  try {
    // dlopen(3): the empty name stands for the program and all that it has loaded.
    return deno.dlopen(name ?? "", Object.fromEntries(wanted));
  } catch (cause) {
    throw libraryError(name, cause);
  }
}

function symbolOf(key: string, { symbol, parameters, result }: ForeignSignature): DenoSymbol {
  const types = parameters.map((type) => DENO_TYPES[type]);
  return { name: symbol ?? key, parameters: types, result: DENO_TYPES[result] };
}

/** Deno's own functions, unwrapped wherever they give what is promised: a wrapper would hide them from the compiler. */
function denoCalls<S extends ForeignSignatures>(library: DenoLibrary, signatures: S): ForeignCalls<S> {
  const calls = Object.entries(signatures).map(([key, { result }]) => {
    const call = library.symbols[key]!;
    return [key, result === "i64" ? (...values: readonly unknown[]) => Number(call(...values)) : call];
  });
  return Object.fromEntries(calls) as ForeignCalls<S>;
}
