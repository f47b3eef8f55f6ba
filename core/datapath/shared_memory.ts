/** All that the threads see together, made by the main thread and handed to the workers when they start. */
import { datapathLimits, ringCapacity } from "./datapath_limits.ts";
import { policyEpochMemory } from "./policy_epoch.ts";
import { replayWindowsMemory } from "./replay_windows.ts";
import { ringMemory } from "./ring.ts";
import { sessionCellsMemory } from "./session_cells.ts";
import { telemetryMemory } from "./telemetry.ts";

/** As long as the node lives, for all workers. */
export interface LastingMemory {
  readonly cells: SharedArrayBuffer;
  readonly windows: SharedArrayBuffer;
  readonly telemetry: SharedArrayBuffer;
  /** The {@link PolicyEpoch}. */
  readonly epoch: SharedArrayBuffer;
}

/** As one worker sees it. */
export interface SharedMemory extends LastingMemory {
  /** Commands to the worker; new for each that begins anew, as half a command may be left in it. */
  readonly control: SharedArrayBuffer;
  readonly punts: SharedArrayBuffer;
}

export function lastingMemory(workers: number): LastingMemory {
  return {
    cells: sessionCellsMemory(datapathLimits.sessions, workers),
    windows: replayWindowsMemory(datapathLimits.sessions),
    telemetry: telemetryMemory(workers),
    epoch: policyEpochMemory(),
  };
}

/** For a single worker. */
export function sharedMemory(): SharedMemory {
  return {
    ...lastingMemory(1),
    control: ringMemory(ringCapacity.control),
    punts: ringMemory(ringCapacity.punts),
  };
}
