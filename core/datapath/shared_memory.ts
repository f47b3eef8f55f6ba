/** All that both threads see, made by the main thread and handed to the worker when it starts. */
import { datapathLimits, ringCapacity } from "./datapath_limits.ts";
import { replayWindowsMemory } from "./replay_windows.ts";
import { ringMemory } from "./ring.ts";
import { sessionCellsMemory } from "./session_cells.ts";
import { telemetryMemory } from "./telemetry.ts";

export interface SharedMemory {
  /** Commands to the worker; new for each worker, as half a command may be left in it. */
  readonly control: SharedArrayBuffer;
  readonly punts: SharedArrayBuffer;
  readonly cells: SharedArrayBuffer;
  readonly windows: SharedArrayBuffer;
  readonly telemetry: SharedArrayBuffer;
}

export function sharedMemory(): SharedMemory {
  return {
    control: ringMemory(ringCapacity.control),
    punts: ringMemory(ringCapacity.punts),
    cells: sessionCellsMemory(datapathLimits.sessions),
    windows: replayWindowsMemory(datapathLimits.sessions),
    telemetry: telemetryMemory(),
  };
}
