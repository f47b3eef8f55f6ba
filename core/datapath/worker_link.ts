/** The worker as the rest of the main thread sees it, whichever thread it is that it runs in. */
import type { AeadName } from "../contracts/aead.ts";
import type { AeadMeasure } from "./aead_choice.ts";
import type { Command } from "./control.ts";
import type { PuntedPacket } from "./punt.ts";
import type { SharedMemory } from "./shared_memory.ts";

/** What both threads see for as long as the node lives; rings come and go with the worker. */
export type LastingMemory = Pick<SharedMemory, "cells" | "windows" | "telemetry">;

export interface WorkerLink {
  readonly memory: LastingMemory;
  readonly facts: WorkerFacts;
  /** Family of the socket that the worker reads, in which its peers' addresses are told; undefined before there is one. */
  readonly family: 4 | 6 | undefined;
  /**
   * Tells the worker, after all that was told before. False for a table that is too large. `stop`, `attach-…` and `detach`
   * are not for others to tell.
   */
  tell(command: Command): boolean;
  /** Called once: packets that the worker has opened and does not finish. */
  onOpened(handler: (punt: PuntedPacket) => void): void;
  /** Called once: a worker begins that has been told nothing, after one that failed. Counters have jumped. */
  onRestart(handler: () => void): void;
}

/** What is found out when the worker starts, and how it has fared. */
export interface WorkerFacts {
  /** How C libraries are called. */
  readonly ffi: string;
  /** The implementation of each cipher that the worker has, the cheapest cipher first. */
  readonly ciphers: readonly { readonly name: AeadName; readonly implementation: string }[];
  readonly measures: readonly AeadMeasure[];
  readonly restarts: number;
}
