/**
 * Composition root of the data path's thread: what runs there is put together here and nowhere else. Asked with
 * `{ millis }` instead, it measures the AEADs where packets will be sealed.
 */
import { type AeadMeasure, chooseAeads, trialLength } from "../core/datapath/aead_choice.ts";
import type { ArenaAeadSuite } from "../core/datapath/arena_aead.ts";
import { heapArena } from "../core/datapath/arena.ts";
import { nobleArenaSuites } from "../core/datapath/noble_arena_aead.ts";
import { systemClock } from "../core/runtime/clock.ts";
import { datapathOrder, runDatapath } from "../core/runtime/datapath_run.ts";
import type { Foreign } from "../core/runtime/ffi/foreign.ts";
import { foreignAeads } from "../core/runtime/ffi/foreign_aeads.ts";
import { PacketCalls } from "../core/runtime/ffi/packet_calls.ts";
import { mapArena } from "../core/runtime/ffi/system_arena.ts";
import { systemForeign } from "../core/runtime/ffi/system_foreign.ts";
import { answerQuestions } from "../core/runtime/worker.ts";

/** Libraries first: of two that cost the same the earlier one is taken. */
function suites(foreign: Foreign | undefined): readonly ArenaAeadSuite[] {
  return [...foreign === undefined ? [] : foreignAeads(foreign), ...nobleArenaSuites()];
}

const defaultMillis = 20;

/** What a node would have to choose from. */
async function measureAeads(question: unknown): Promise<readonly AeadMeasure[]> {
  const millis = (question as { millis?: unknown } | null)?.millis;
  const foreign = await systemForeign().catch(() => undefined);
  return chooseAeads(suites(foreign), {
    clock: systemClock(),
    arena: foreign === undefined ? heapArena(trialLength) : mapArena(foreign, trialLength),
    millis: typeof millis === "number" && millis > 0 && millis <= 1000 ? millis : defaultMillis,
    prefer: "auto",
  }).measures;
}

const order = datapathOrder();
if (order === undefined) answerQuestions(measureAeads);
else await runDatapath(order, { clock: systemClock(), suites, io: (foreign) => new PacketCalls(foreign) });
