/**
 * Counters of the data path in memory that outlives the worker: it adds, the main thread reads. All are 64-bit floats
 * with one writer, see `session_cells.ts`.
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
} as const;
export type Tally = (typeof Tally)[keyof typeof Tally];
export type TallyName = keyof typeof Tally;

const tallyNames = Object.keys(Tally) as TallyName[];

export interface TelemetrySnapshot {
  readonly tallies: Readonly<Record<TallyName, number>>;
  readonly drops: Readonly<Record<DropName, number>>;
}

/** Memory for one data path, all zero. */
export function telemetryMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(8 * (tallyNames.length + dropNames.length));
}

export class Telemetry {
  readonly #tallies: Float64Array;
  readonly #drops: Float64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#tallies = new Float64Array(memory, 0, tallyNames.length);
    this.#drops = new Float64Array(memory, 8 * tallyNames.length, dropNames.length);
  }

  /** Worker. */
  add(tally: Tally, amount: number): void {
    this.#tallies[tally]! += amount;
  }

  /** Worker: packets that went no further. `Drop.none` is none. */
  count(drop: Drop, times: number): void {
    if (drop !== Drop.none) this.#drops[drop]! += times;
  }

  /** From any thread. Counters that belong together may differ by what is under way. */
  snapshot(): TelemetrySnapshot {
    return {
      tallies: named(tallyNames, this.#tallies),
      drops: named(dropNames, this.#drops),
    };
  }
}

function named<Name extends string>(names: readonly Name[], values: Float64Array): Record<Name, number> {
  return Object.fromEntries(names.map((name, index) => [name, values[index]!])) as Record<Name, number>;
}
