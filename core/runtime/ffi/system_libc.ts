import process from "node:process";
import { MeshError } from "../../contracts/errors.ts";
import { type DenoFfi, denoLibc } from "./deno_libc.ts";
import { koffiLibc } from "./koffi_libc.ts";
import type { Libc } from "./libc.ts";

/**
 * The C library of this process, for the thread that asks. Rejects `UNSUPPORTED`, with what to do, where foreign functions
 * cannot be called: on other systems than Linux, in a Deno without `--allow-ffi`, in a Node without the package `koffi`.
 */
export async function systemLibc(deno: DenoFfi | undefined = denoOfThis()): Promise<Libc> {
  if (process.platform !== "linux") throw unsupported(`this is ${process.platform}; use a Linux host`);
  if (deno === undefined) return await nodeLibc();
  try {
    return denoLibc(deno);
  } catch (cause) {
    throw unsupported(
      denied(cause) ? "Deno was not allowed to; start it with --allow-ffi" : messageOf(cause),
      cause,
    );
  }
}

/** `load` stands for the package, which a machine without a build for it lacks. */
export async function nodeLibc(load: () => Promise<unknown> = () => import("koffi")): Promise<Libc> {
  try {
    const loaded = await load() as { readonly default: Parameters<typeof koffiLibc>[0] };
    return koffiLibc(loaded.default);
  } catch (cause) {
    const why = messageOf(cause).split("\n", 1)[0];
    throw unsupported(`the package koffi did not load (${why}); install it with npm install koffi`, cause);
  }
}

function denoOfThis(): DenoFfi | undefined {
  return (globalThis as unknown as { readonly Deno?: DenoFfi }).Deno;
}

function unsupported(why: string, cause?: unknown): MeshError {
  return new MeshError("UNSUPPORTED", `Cannot call the C library: ${why}`, { cause });
}

function denied(cause: unknown): boolean {
  return cause instanceof Error && ["NotCapable", "PermissionDenied"].includes(cause.name);
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
