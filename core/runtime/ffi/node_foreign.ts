import type { Foreign, ForeignCalls, ForeignSignature, ForeignSignatures, ForeignType } from "./foreign.ts";
import { libraryError } from "./foreign_error.ts";
import { type NodeCall, type NodeFfi, NodeFunctions, type NodeSignature } from "./node_functions.ts";

const NODE_TYPES: Readonly<Record<ForeignType, string>> = {
  i32: "int32",
  u32: "uint32",
  i64: "int64",
  address: "uint32",
  handle: "pointer",
  void: "void",
};

/** Foreign functions by Node's own module. Throws what that throws, such as without `--allow-ffi` under `--permission`. */
export function nodeForeign(ffi: NodeFfi): Foreign {
  const functions = new NodeFunctions(ffi);
  return {
    way: "node:ffi",
    functions: (name, signatures) => nodeCalls(functions, name, signatures),
    memory: (address, length) => ffi.toArrayBuffer(BigInt(address), length, false),
    errno: () => functions.errno(),
    [Symbol.dispose]: () => functions.close(),
  };
}

function nodeCalls<S extends ForeignSignatures>(
  functions: NodeFunctions,
  name: string | null,
  signatures: S,
): ForeignCalls<S> {
  try {
    const calls = Object.entries(signatures).map(([key, signature]) => {
      const call = functions.find(name, signature.symbol ?? key, nodeSignature(signature));
      return [key, plainCall(call, signature)];
    });
    return Object.fromEntries(calls) as ForeignCalls<S>;
  } catch (cause) {
    throw libraryError(name, cause);
  }
}

function nodeSignature({ parameters, result }: ForeignSignature): NodeSignature {
  return { arguments: parameters.map((type) => NODE_TYPES[type]), return: NODE_TYPES[result] };
}

/** 64-bit values are BigInt in the module, pointers too: as a handle one passes for what it is, but for zero. */
function plainCall(call: NodeCall, { parameters, result }: ForeignSignature): NodeCall {
  const wide = parameters.map((type) => type === "i64");
  const given: NodeCall = wide.includes(true)
    ? (...values) => call(...values.map((value, i) => wide[i] === true ? BigInt(value as number) : value))
    : call;
  if (result === "i64") return (...values) => Number(given(...values));
  if (result === "handle") return (...values) => given(...values) || null;
  return given;
}
