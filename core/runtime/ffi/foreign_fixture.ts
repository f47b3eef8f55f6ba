import { isBuiltin } from "node:module";
import type { Foreign, ForeignWay } from "./foreign.ts";
import { systemForeign } from "./system_foreign.ts";

/** Every way that this runtime has, for kits that run over all of them. */
export function presentWays(): readonly ForeignWay[] {
  if ("Deno" in globalThis) return ["Deno.dlopen"];
  return isBuiltin("node:ffi") ? ["koffi", "node:ffi"] : ["koffi"];
}

export async function withForeign(
  way: ForeignWay,
  use: (foreign: Foreign) => void | Promise<void>,
): Promise<void> {
  using foreign = await systemForeign(way);
  await use(foreign);
}
