import { denoForeign } from "./deno_foreign.ts";
import type { Foreign, ForeignWay } from "./foreign.ts";
import { byForeignWay, type ForeignSources, systemSources } from "./foreign_ways.ts";
import { koffiForeign } from "./koffi_foreign.ts";
import { nodeForeign } from "./node_foreign.ts";

/** Foreign functions of this process, for the thread that asks. Rejects `UNSUPPORTED`: see {@link byForeignWay}. */
export function systemForeign(
  prefer?: ForeignWay,
  sources: ForeignSources = systemSources,
): Promise<Foreign> {
  const makers = { deno: denoForeign, koffi: koffiForeign, nodeFfi: nodeForeign };
  return byForeignWay(makers, prefer, sources);
}
