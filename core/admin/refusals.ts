import type { Clock, LogFields, Logger } from "../contracts/host.ts";

/** Why a request was turned away before any route saw it. */
export type RefusalKind = "foreign" | "token" | "delayed";

/** Lines per minute: whoever knocks a thousand times a second must not fill the disk with it. */
export const linesPerMinute = 10;

/** Counts what was refused, and logs the first of it in every minute. */
export class Refusals {
  readonly #counts: Record<RefusalKind, number> = { foreign: 0, token: 0, delayed: 0 };
  readonly #clock: Clock;
  readonly #log: Logger;
  #minute = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #unlogged = 0;

  constructor({ clock, log }: { readonly clock: Clock; readonly log: Logger }) {
    this.#clock = clock;
    this.#log = log;
  }

  note(kind: RefusalKind, fields: LogFields): void {
    this.#counts[kind]++;
    const now = this.#clock.now();
    if (now - this.#minute >= 60_000) [this.#minute, this.#lines] = [now, 0];
    if (this.#lines >= linesPerMinute) return void this.#unlogged++;
    this.#lines++;
    const more = this.#unlogged === 0 ? {} : { unlogged: this.#unlogged };
    this.#unlogged = 0;
    this.#log.log("warn", "Admin request refused", { ...fields, ...more });
  }

  counts(): Readonly<Record<RefusalKind, number>> {
    return { ...this.#counts };
  }
}
