import type { Clock, Logger } from "../contracts/host.ts";
import type { Events } from "../contracts/events.ts";
import type { Alert } from "../contracts/node.ts";
import { timeText } from "./time_text.ts";

export interface AlertParts {
  readonly clock: Clock;
  readonly events: Events;
  readonly log: Logger;
}

/**
 * What an operator should look at now. An alert has one name and is raised once until it is cleared. What a plugin says
 * by the events of the same names is listed too. All of it is in the log: of a node whose start fails, nothing else is
 * left to look at.
 */
export class Alerts {
  readonly #active = new Map<string, Alert>();
  readonly #clock: Clock;
  readonly #events: Events;
  readonly #log: Logger;

  /** Listens to the plugins until the signal aborts. */
  constructor(parts: AlertParts, signal: AbortSignal) {
    const { clock, events, log } = parts;
    this.#clock = clock;
    this.#events = events;
    this.#log = log;
    events.on("alert:raised", ({ alert, detail }) => void this.#note(alert, detail), signal);
    events.on("alert:cleared", ({ alert }) => void this.#forget(alert), signal);
  }

  raise(name: string, detail: string): void {
    if (this.#note(name, detail)) this.#events.emit("alert:raised", { alert: name, detail });
  }

  clear(name: string): void {
    if (this.#forget(name)) this.#events.emit("alert:cleared", { alert: name });
  }

  /** True when it says something new. */
  #note(name: string, detail: string): boolean {
    const known = this.#active.get(name);
    if (known?.detail === detail) return false;
    this.#log.log("warn", "Alert", { what: name, reason: detail });
    this.#active.set(name, { name, detail, since: known?.since ?? timeText(this.#clock.wall()) });
    return true;
  }

  /** True when there was one. */
  #forget(name: string): boolean {
    if (!this.#active.delete(name)) return false;
    this.#log.log("info", "Alert is over", { what: name });
    return true;
  }

  list(): readonly Alert[] {
    return [...this.#active.values()];
  }
}
