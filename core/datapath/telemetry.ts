/**
 * Counters of the data path in memory that outlives the workers: they add, the main thread reads. All are 64-bit floats
 * with one writer, see `session_cells.ts`, so each worker has counters of its own.
 */
import { Drop, type DropName, dropNames } from "../contracts/drop.ts";

/** The value is the place of the counter, the key its name. */
export const Tally = {
  /** Datagrams taken from the socket and given to it, and bytes with all headers of the node's own. */
  datagramsIn: 0,
  datagramBytesIn: 1,
  datagramsOut: 2,
  datagramBytesOut: 3,
  /** Frames as they crossed the TAP, super-frames counted once, and the bytes of frames. */
  framesIn: 4,
  frameBytesIn: 5,
  framesOut: 6,
  frameBytesOut: 7,
  /** Overlay packets that were finished here, from the TAP and to it. */
  packetsSent: 8,
  packetsDelivered: 9,
  /** Rounds of the loop, and those that began after nothing was there to do. */
  turns: 10,
  sleeps: 11,
  /** Records handed to the main thread, and those its ring had no room for. */
  punted: 12,
  puntsLost: 13,
  /** Calls that the kernel refused: to send on the socket, and to write to the TAP. */
  sendsRefused: 14,
  writesRefused: 15,
  /** Commands that were not understood, or named a slot that does not exist. */
  commandsRefused: 16,
  /** Tables that had no room. Until a smaller one is told, the main thread takes all packets. */
  tablesRefused: 17,
  /** Bytes of {@link Tally.packetsSent} and of {@link Tally.packetsDelivered}. */
  packetBytesSent: 18,
  packetBytesDelivered: 19,
  /** Addresses to send from that this host had no more: the peer's packets leave as the system's route says. */
  sourcesLost: 20,
} as const;
export type Tally = (typeof Tally)[keyof typeof Tally];
export type TallyName = keyof typeof Tally;

const tallyNames = Object.keys(Tally) as TallyName[];

export interface TelemetrySnapshot {
  readonly tallies: Readonly<Record<TallyName, number>>;
  readonly drops: Readonly<Record<DropName, number>>;
}

const count = tallyNames.length + dropNames.length;
/** Bytes of the counters of one worker; those of two share no cache line. */
const stride = Math.ceil((8 * count) / 128) * 128;

/** Memory for one data path of so many workers, all zero. */
export function telemetryMemory(workers = 1): SharedArrayBuffer {
  return new SharedArrayBuffer(stride * workers);
}

export class Telemetry {
  readonly #all: Float64Array;
  readonly #tallies: Float64Array;
  readonly #drops: Float64Array;

  /** `worker` is that of this thread; the main thread gives none. */
  constructor(memory: SharedArrayBuffer, worker = 0) {
    this.#all = new Float64Array(memory);
    this.#tallies = new Float64Array(memory, stride * worker, tallyNames.length);
    this.#drops = new Float64Array(memory, stride * worker + 8 * tallyNames.length, dropNames.length);
  }

  /** Worker. */
  add(tally: Tally, amount: number): void {
    this.#tallies[tally]! += amount;
  }

  /** Worker: packets that went no further. `Drop.none` is none. */
  count(drop: Drop, times: number): void {
    if (drop !== Drop.none) this.#drops[drop]! += times;
  }

  /** Of all workers together, from any thread. Counters that belong together may differ by what is under way. */
  snapshot(): TelemetrySnapshot {
    const total = new Float64Array(count);
    for (let row = 0; row < this.#all.length; row += stride / 8) {
      for (let at = 0; at < count; at++) total[at]! += this.#all[row + at]!;
    }
    return {
      tallies: named(tallyNames, total),
      drops: named(dropNames, total.subarray(tallyNames.length)),
    };
  }
}

function named<Name extends string>(names: readonly Name[], values: Float64Array): Record<Name, number> {
  return Object.fromEntries(names.map((name, index) => [name, values[index]!])) as Record<Name, number>;
}
