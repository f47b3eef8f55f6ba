/** The machine's clock in ticks, see `codel.ts`: a small integer, so that to look at it allocates nothing. */
import type { Arena } from "./arena.ts";
import type { ArenaPlan } from "./arena_plan.ts";
import { ticksOf } from "./codel.ts";
import type { PacketIo } from "./packet_io.ts";

export class TickClock {
  readonly #arena: Arena;
  readonly #io: Pick<PacketIo, "clockMonotonic">;
  readonly #timespec: number;

  constructor(arena: Arena, plan: ArenaPlan, io: Pick<PacketIo, "clockMonotonic">) {
    this.#arena = arena;
    this.#io = io;
    this.#timespec = plan.take(16);
  }

  now(): number {
    const { view, address } = this.#arena;
    this.#io.clockMonotonic(this.#timespec + address);
    return ticksOf(view.getInt32(this.#timespec, true), view.getInt32(this.#timespec + 8, true));
  }
}
