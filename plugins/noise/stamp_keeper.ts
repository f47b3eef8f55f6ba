/**
 * Keeps the reserve of stamps on disk: reads it at the start, writes larger ones, and goes on trying when that fails.
 *
 * A disk that is full does not stop a node at once: half a reserve is left, 2,500 handshakes. Then this node begins none
 * until there is room again; it still answers those of others, and sessions go on until they are too old. An alert says so
 * from the first failure on, while there is time to make room. A start needs the disk: without it, it fails.
 */
import type { Host, Timer } from "../../core/contracts/host.ts";
import type { Millis } from "../../core/contracts/values.ts";
import { limits } from "./constants.ts";
import { decodeReserve, encodeReserve, noteKey, stampKey } from "./stamp_reserve.ts";
import type { Stamps } from "./stamps.ts";

export type StampHost = Pick<Host, "clock" | "store" | "log" | "events">;

/** Which numbers are kept, and what is said when they cannot be. */
export interface StampUse {
  readonly key: string;
  /** Milliseconds in one step of the numbers. */
  readonly tick: Millis;
  /** What they number. */
  readonly what: string;
  /** Said when a reserve cannot be stored, and when it can again. */
  readonly complaint: string;
  readonly relief: string;
  readonly alert: string;
  readonly consequence: string;
}

export const handshakeStamps: StampUse = {
  key: stampKey,
  tick: 1,
  what: "handshake stamps",
  complaint: "The reserve of handshake stamps cannot be stored; it is tried again",
  relief: "The reserve of handshake stamps is stored again",
  alert: "stamps-not-stored",
  consequence: "No handshakes can begin once the stamps on disk are used up",
};

export const noteStamps: StampUse = {
  key: noteKey,
  tick: limits.noteTickMillis,
  what: "counters of notes",
  complaint: "The reserve of counters of notes cannot be stored; it is tried again",
  relief: "The reserve of counters of notes is stored again",
  alert: "note-counters-not-stored",
  consequence: "No notes can be sent to members without a session once the counters on disk are used up",
};

export class StampKeeper {
  readonly #stamps: Stamps;
  readonly #host: StampHost;
  readonly #use: StampUse;
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(stamps: Stamps, host: StampHost, use: StampUse = handshakeStamps) {
    this.#stamps = stamps;
    this.#host = host;
    this.#use = use;
  }

  /**
   * Resolves when there are stamps. Rejects with the store's error when the first reserve cannot be kept, `UNSUPPORTED`
   * or `STATE_CORRUPT` when the last one cannot be read: see `stamps.ts` for what is at stake.
   */
  async start(): Promise<void> {
    const { clock, store } = this.#host;
    const { key, tick, what } = this.#use;
    const stored = store.get(key);
    const reserve = this.#stamps.start({
      wall: clock.wall() / tick,
      now: clock.now() / tick,
      reserve: stored && decodeReserve(stored, what),
      keep: (larger) => void this.#keep(larger, 0),
    });
    await this.#write(reserve);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /** `failures` in a row came before. */
  async #keep(reserve: number, failures: number): Promise<void> {
    try {
      await this.#write(reserve);
      if (failures > 0) this.#recovered();
    } catch (error) {
      if (this.#isStopped) return;
      if (failures === 0) this.#complain(error);
      const { clock } = this.#host;
      const wait = retryWait(failures);
      this.#timer = clock.timer(clock.now() + wait, () => void this.#keep(reserve, failures + 1));
    }
  }

  async #write(reserve: number): Promise<void> {
    await this.#host.store.commit([{ key: this.#use.key, value: encodeReserve(reserve) }]);
    this.#stamps.kept(reserve);
  }

  #complain(error: unknown): void {
    const { log, events } = this.#host;
    log.log("warn", this.#use.complaint, { error });
    const why = error instanceof Error ? error.message : String(error);
    const detail = `${this.#use.consequence}: ${why}`;
    events.emit("alert:raised", { alert: this.#use.alert, detail });
  }

  #recovered(): void {
    this.#host.log.log("info", this.#use.relief);
    this.#host.events.emit("alert:cleared", { alert: this.#use.alert });
  }
}

/** Doubles with each failure, up to a minute. */
function retryWait(failures: number): Millis {
  const { first, longest } = limits.stampRetryMillis;
  return Math.min(first * 2 ** failures, longest);
}
