/**
 * A thread that shows one replay window the same counters as other threads do, at the same time, and notes which of them
 * were accepted.
 */
import { isMainThread, parentPort, workerData } from "node:worker_threads";
import { ReplayWindows } from "../../core/datapath/replay_windows.ts";

export interface HammerOrder {
  readonly windows: SharedArrayBuffer;
  /** Under which it takes locks, see `ReplayWindows`. */
  readonly holder: number;
  readonly slot: number;
  /** In the order in which they are shown. */
  readonly counters: Uint32Array;
  /** One for each of them: how often it was accepted. */
  readonly accepted: Int32Array;
  /** Of one element: threads that have yet to come. */
  readonly gate: Int32Array;
}

/** All begin at once, or one would be done before the next one has started. */
function enter(gate: Int32Array): void {
  Atomics.sub(gate, 0, 1);
  while (Atomics.load(gate, 0) > 0);
}

if (!isMainThread) {
  const { windows: memory, holder, slot, counters, accepted, gate } = workerData as HammerOrder;
  const windows = new ReplayWindows(memory, holder);
  enter(gate);
  for (const [index, counter] of counters.entries()) {
    if (windows.accept(slot, counter, 0)) Atomics.add(accepted, index, 1);
  }
  parentPort!.postMessage("done");
}
