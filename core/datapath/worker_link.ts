/** The workers as the rest of the main thread sees them: as one, whichever threads it is that they run in. */
import type { AeadName } from "../contracts/aead.ts";
import type { AeadMeasure } from "./aead_choice.ts";
import type { Command } from "./control.ts";
import type { PuntedPacket } from "./punt.ts";
import type { LastingMemory } from "./shared_memory.ts";

export type { LastingMemory } from "./shared_memory.ts";

/** False for a table that is too large. */
export type Tell = (command: Command) => boolean;

export interface WorkerLink {
  readonly memory: LastingMemory;
  readonly facts: WorkerFacts;
  /** Family of the socket that the worker reads, in which its peers' addresses are told; undefined before there is one. */
  readonly family: 4 | 6 | undefined;
  /** Whether there is a TAP device to read and write: what is for interfaces can only be delivered through it. */
  readonly hasTap: boolean;
  /** How full the fullest queue of what they leave to this thread is, 0 to 1. */
  readonly backlog: number;
  /**
   * Tells every worker, after all that was told before; a verdict gets lost where there is no room. False for a table that is
   * too large. `stop`, `attach-…` and `detach` are not for others to tell.
   */
  tell(command: Command): boolean;
  /** Address of this host from which packets to there are to leave, 16 bytes; undefined: the system chooses. */
  sourceOf(sockaddr: Uint8Array): Uint8Array | undefined;
  /** Called once: the address from which packets to there are to leave is another one from now on. */
  onSource(handler: (sockaddr: Uint8Array) => void): void;
  /** Called once: packets that a worker has opened and does not finish. */
  onOpened(handler: (punt: PuntedPacket) => void): void;
  /**
   * Called once: a worker begins that has been told nothing, after one that failed. Counters have jumped. `tell` tells this
   * one alone, and only during the call; the others, if there are any, know all they were told.
   */
  onRestart(handler: (tell: Tell) => void): void;
}

/** What is found out when the workers start, by the first of them, and how they have fared. */
export interface WorkerFacts {
  /** How C libraries are called. */
  readonly ffi: string;
  /** The implementation of each cipher that the worker has, the cheapest cipher first. */
  readonly ciphers: readonly { readonly name: AeadName; readonly implementation: string }[];
  readonly measures: readonly AeadMeasure[];
  /** They run before all threads of the machine that have no such priority. */
  readonly isRealtime: boolean;
  readonly workers: number;
  /** Of all of them together. */
  readonly restarts: number;
}
