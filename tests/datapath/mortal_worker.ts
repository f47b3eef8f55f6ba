/**
 * The thread of the data path as a node has it, but that its life ends at its sixth send: every other life before the
 * kernel has the datagrams, else right after.
 */
import { SessionCells } from "../../core/datapath/session_cells.ts";
import { nobleArenaSuites } from "../../core/datapath/noble_arena_aead.ts";
import { systemClock } from "../../core/runtime/clock.ts";
import { datapathOrder, runDatapath } from "../../core/runtime/datapath_run.ts";
import { PacketCalls } from "../../core/runtime/ffi/packet_calls.ts";
import type { Foreign } from "../../core/runtime/ffi/foreign.ts";

const sendsPerLife = 6;
/** By which the counter of a session leaps when a thread has failed. */
const leap = 2 ** 20;

class MortalCalls extends PacketCalls {
  readonly #diesBefore: boolean;
  #left = sendsPerLife;

  constructor(foreign: Foreign, diesBefore: boolean) {
    super(foreign);
    this.#diesBefore = diesBefore;
  }

  override sendmsg(descriptor: number, message: number, flags: number): number {
    const isLast = --this.#left === 0;
    if (isLast && this.#diesBefore) throw new Error("the test ends this thread before it sends");
    const result = super.sendmsg(descriptor, message, flags);
    if (isLast) throw new Error("the test ends this thread after it has sent");
    return result;
  }
}

const order = datapathOrder()!;
const lives = Math.floor(new SessionCells(order.memory.cells).traffic(0).sent / leap);
await runDatapath(order, {
  clock: systemClock(),
  suites: () => nobleArenaSuites(),
  io: (foreign) => new MortalCalls(foreign, lives % 2 === 0),
});
