import { isBuiltin } from "node:module";
import process from "node:process";
import { MeshError } from "../../contracts/errors.ts";
import type { DenoForeignApi } from "./deno_foreign.ts";
import type { DenoFfi } from "./deno_libc.ts";
import type { ForeignWay } from "./foreign.ts";
import { firstLine } from "./foreign_error.ts";
import type { KoffiForeignApi } from "./koffi_foreign.ts";
import type { Koffi } from "./koffi_libc.ts";
import type { NodeFfi } from "./node_functions.ts";

type DenoApi = DenoFfi & DenoForeignApi;
type KoffiApi = Koffi & KoffiForeignApi;

/** Where each way is looked for; tests put what a machine lacks in their place. */
export interface ForeignSources {
  readonly deno?: DenoApi | undefined;
  /** The module of the package. Rejects where it is not installed, and on a machine that it has no build for. */
  readonly koffi: () => Promise<unknown>;
  /** Undefined where Node has none. Asked only when it is to be used, since Node then warns that it is an experiment. */
  readonly nodeFfi: () => NodeFfi | undefined;
}

/** What makes the same thing out of each way. */
export interface ForeignMakers<T> {
  deno(api: DenoApi): T;
  koffi(api: KoffiApi): T;
  nodeFfi(api: NodeFfi): T;
}

export const systemSources: ForeignSources = {
  deno: (globalThis as unknown as { readonly Deno?: DenoApi }).Deno,
  koffi: () => import("koffi"),
  nodeFfi: () => isBuiltin("node:ffi") ? process.getBuiltinModule("node:ffi") as NodeFfi : undefined,
};

/**
 * `Deno.dlopen` in Deno; in Node the package koffi, and `node:ffi` where koffi does not load or the caller prefers it. Koffi
 * comes first because Node's own module is an experiment, and a call of it that fails costs twice as much. Rejects
 * `UNSUPPORTED`, with what to do, where there is no way.
 */
export async function byForeignWay<T>(
  makers: ForeignMakers<T>,
  prefer: ForeignWay | undefined,
  sources: ForeignSources,
): Promise<T> {
  if (process.platform !== "linux") throw unsupported(`this is ${process.platform}; use a Linux host`);
  if (sources.deno !== undefined) return byDeno(makers, prefer, sources.deno);
  if (prefer === "Deno.dlopen") throw unsupported("this is Node; choose koffi or node:ffi");
  if (prefer === "node:ffi") return byNodeFfi(makers, sources.nodeFfi());
  try {
    const loaded = await sources.koffi() as { readonly default: KoffiApi };
    return makers.koffi(loaded.default);
  } catch (cause) {
    const ffi = prefer === undefined ? sources.nodeFfi() : undefined;
    if (ffi !== undefined) return byNodeFfi(makers, ffi);
    const why = `the package koffi did not load (${firstLine(cause)})`;
    throw unsupported(`${why}; install it with npm install koffi, or start a Node that has node:ffi`, cause);
  }
}

function byDeno<T>(makers: ForeignMakers<T>, prefer: ForeignWay | undefined, api: DenoApi): T {
  if (prefer !== undefined && prefer !== "Deno.dlopen") {
    throw unsupported(`Deno has no ${prefer}; leave the choice out, or start the node with Node`);
  }
  try {
    return makers.deno(api);
  } catch (cause) {
    throw unsupported(
      denied(cause) ? "Deno was not allowed to; start it with --allow-ffi" : firstLine(cause),
      cause,
    );
  }
}

function byNodeFfi<T>(makers: ForeignMakers<T>, ffi: NodeFfi | undefined): T {
  if (ffi === undefined) {
    throw unsupported("this Node has no node:ffi; start a newer Node, or install koffi");
  }
  try {
    return makers.nodeFfi(ffi);
  } catch (cause) {
    throw unsupported(`node:ffi refused (${firstLine(cause)}); start Node with --allow-ffi`, cause);
  }
}

function denied(cause: unknown): boolean {
  return cause instanceof Error && ["NotCapable", "PermissionDenied"].includes(cause.name);
}

function unsupported(why: string, cause?: unknown): MeshError {
  return new MeshError("UNSUPPORTED", `Cannot call C libraries: ${why}`, { cause });
}
