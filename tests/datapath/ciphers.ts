/** The fastest ciphers of this machine, for models whose packets are many: those of a library where one can be called. */
import { arenaLength } from "../../core/datapath/datapath_core.ts";
import type { ArenaAeadSuite } from "../../core/datapath/arena_aead.ts";
import type { Arena } from "../../core/datapath/arena.ts";
import { foreignAeads } from "../../core/runtime/ffi/foreign_aeads.ts";
import { mapArena } from "../../core/runtime/ffi/system_arena.ts";
import { systemForeign } from "../../core/runtime/ffi/system_foreign.ts";
import { type Ciphers, portableCiphers } from "./session_world.ts";

/** Of this thread, which asks once. What is mapped stays, so arenas are used again. */
export async function fastCiphers(): Promise<Ciphers> {
  const foreign = await systemForeign().catch(() => undefined);
  if (foreign === undefined) return portableCiphers;
  const suites = new Map<string, ArenaAeadSuite>();
  for (const suite of foreignAeads(foreign)) if (!suites.has(suite.name)) suites.set(suite.name, suite);
  if (suites.size < portableCiphers.suites.length) return portableCiphers;
  const arenas = new Map<number, Arena>();
  const arena = (number: number): Arena => {
    const known = arenas.get(number) ?? mapArena(foreign, arenaLength);
    arenas.set(number, known);
    return known;
  };
  return { suites: [...suites.values()], arena };
}
