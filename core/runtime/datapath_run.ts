/** The thread of the data path from inside: memory and descriptors come in when it starts, facts go out, then it loops. */
import { isMainThread, parentPort, workerData } from "node:worker_threads";
import type { Clock } from "../contracts/host.ts";
import type { ArenaAeadSuite } from "../datapath/arena_aead.ts";
import { type AeadPreference, chooseAeads } from "../datapath/aead_choice.ts";
import { arenaLength, createDatapathCore } from "../datapath/datapath_core.ts";
import type { PacketIo } from "../datapath/packet_io.ts";
import type { SharedMemory } from "../datapath/shared_memory.ts";
import type { WorkerFacts } from "../datapath/worker_link.ts";
import type { Foreign, ForeignWay } from "./ffi/foreign.ts";
import { arenaAt } from "./ffi/system_arena.ts";
import { systemForeign } from "./ffi/system_foreign.ts";
import { runInRealtime } from "./realtime.ts";

/** What the main thread hands over: plain data and shared memory. */
export interface DatapathOrder {
  readonly kind: "datapath";
  readonly memory: SharedMemory;
  /** Number of this worker, from 0. */
  readonly worker: number;
  /** Address of {@link arenaLength} zeroed bytes that the main thread has mapped. */
  readonly arena: number;
  /** Descriptor of an eventfd. */
  readonly wake: number;
  readonly ffi: ForeignWay | undefined;
  readonly aead: AeadPreference;
  /** Whether to ask for a real-time priority. */
  readonly realtime: boolean;
  /** Milliseconds for each direction of each cipher that is tried. */
  readonly trialMillis: number;
}

export type FoundFacts = Omit<WorkerFacts, "restarts" | "workers">;

/** What the thread is made of; tests put faults in between. */
export interface DatapathMakers {
  readonly clock: Clock;
  readonly suites: (foreign: Foreign) => readonly ArenaAeadSuite[];
  readonly io: (foreign: Foreign) => PacketIo;
}

/** The order of this thread, if it was started to be a data path. */
export function datapathOrder(): DatapathOrder | undefined {
  const order = isMainThread ? undefined : workerData as Partial<DatapathOrder> | null | undefined;
  return order?.kind === "datapath" ? order as DatapathOrder : undefined;
}

/** Says what it found, then carries packets until it is told to stop. Rejects `UNSUPPORTED` where C cannot be called. */
export async function runDatapath(order: DatapathOrder, makers: DatapathMakers): Promise<void> {
  const { memory, worker, wake } = order;
  const foreign = await systemForeign(order.ffi);
  const arena = arenaAt(foreign, order.arena, arenaLength);
  const { aead: prefer, trialMillis: millis } = order;
  const choice = chooseAeads(makers.suites(foreign), { clock: makers.clock, arena, millis, prefer });
  const isRealtime = order.realtime && runInRealtime(foreign, arena);
  arena.bytes.fill(0);
  const facts: FoundFacts = {
    ffi: foreign.way,
    isRealtime,
    ciphers: choice.suites.map(({ name, implementation }) => ({ name, implementation })),
    measures: choice.measures,
  };
  parentPort!.postMessage(facts);
  const suites = new Map(choice.suites.map((suite) => [suite.name, suite]));
  createDatapathCore({ arena, io: makers.io(foreign), memory, worker, wake, suites }).run();
}
