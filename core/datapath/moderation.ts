/**
 * Whether to let packets gather before they are read. A thread that runs as soon as one is there wakes for each of a flood of
 * small ones, and a wake costs as much as ten of them; a tenth of a millisecond later there are several, which are sealed
 * and sent as one train. As network cards do, it is done while there is much to do, and not to whoever waits for an answer.
 */
import type { Arena } from "./arena.ts";
import type { ArenaPlan } from "./arena_plan.ts";
import { ticksBetween, ticksPerMilli } from "./codel.ts";
import type { PacketIo } from "./packet_io.ts";
import { TickClock } from "./tick_clock.ts";

/** Reads of a millisecond that are many: super-frames of 10 Gbit/s would be twenty. */
const manyReads = 30;
const pauseMicros = 100;

export class Moderation {
  readonly #io: Pick<PacketIo, "pause">;
  readonly #clock: TickClock;
  #since = 0;
  #reads = 0;
  #isBusy = false;

  constructor(arena: Arena, plan: ArenaPlan, io: Pick<PacketIo, "clockMonotonic" | "pause">) {
    this.#io = io;
    this.#clock = new TickClock(arena, plan, io);
  }

  /** A turn has read so much. */
  count(reads: number): void {
    this.#reads += reads;
  }

  /** Something has come after a wait: lets more of it come, if much has come of late. */
  woken(): void {
    const now = this.#clock.now();
    const elapsed = ticksBetween(this.#since, now);
    if (elapsed >= ticksPerMilli) {
      this.#isBusy = this.#reads * ticksPerMilli > manyReads * elapsed;
      this.#since = now;
      this.#reads = 0;
    }
    if (this.#isBusy) this.#io.pause(pauseMicros);
  }
}
