import { denoLibc } from "./deno_libc.ts";
import type { ForeignWay } from "./foreign.ts";
import { byForeignWay, type ForeignSources, systemSources } from "./foreign_ways.ts";
import { koffiLibc } from "./koffi_libc.ts";
import type { Libc } from "./libc.ts";
import { nodeFfiLibc } from "./node_libc.ts";

/** The C library of this process, for the thread that asks. Rejects `UNSUPPORTED`: see {@link byForeignWay}. */
export function systemLibc(prefer?: ForeignWay, sources: ForeignSources = systemSources): Promise<Libc> {
  return byForeignWay({ deno: denoLibc, koffi: koffiLibc, nodeFfi: nodeFfiLibc }, prefer, sources);
}
