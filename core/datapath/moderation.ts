/**
 * Whether to let packets gather before they are read. A thread that runs as soon as one is there wakes for each of a flood of
 * small ones, and a wake costs as much as ten of them; a tenth of a millisecond later there are several, which are sealed
 * and sent as one train. As network cards do, it is done while there is much to do, and not to whoever waits for an answer.
 */
import type { Arena } from "./arena.ts";
import type { ArenaPlan } from "./arena_plan.ts";
import { ticksBetween, ticksOf, ticksPerMilli } from "./codel.ts";
import type { PacketIo } from "./packet_io.ts";

/** Reads of a millisecond that are many: super-frames of 10 Gbit/s would be twenty. */
const manyReads = 30;
const pauseMicros = 100;

export class Moderation {
  readonly #arena: Arena;
  readonly #io: Pick<PacketIo, "clockMonotonic" | "pause">;
  readonly #timespec: number;
  #since = 0;
  #reads = 0;
  #isBusy = false;

  constructor(arena: Arena, plan: ArenaPlan, io: Pick<PacketIo, "clockMonotonic" | "pause">) {
    this.#arena = arena;
    this.#io = io;
    this.#timespec = plan.take(16);
  }

  /** A turn has read so much. */
  count(reads: number): void {
    this.#reads += reads;
  }

  /** Something has come after a wait: lets more of it come, if much has come of late. */
  woken(): void {
    const now = this.#now();
    const elapsed = ticksBetween(this.#since, now);
    if (elapsed >= ticksPerMilli) {
      this.#isBusy = this.#reads * ticksPerMilli > manyReads * elapsed;
      this.#since = now;
      this.#reads = 0;
    }
    if (this.#isBusy) this.#io.pause(pauseMicros);
  }

  #now(): number {
    const { view, address } = this.#arena;
    this.#io.clockMonotonic(this.#timespec + address);
    return ticksOf(view.getInt32(this.#timespec, true), view.getInt32(this.#timespec + 8, true));
  }
}
