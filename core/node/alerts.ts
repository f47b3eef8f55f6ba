import type { Clock } from "../contracts/host.ts";
import type { Events } from "../contracts/events.ts";
import type { Alert } from "../contracts/node.ts";
import { timeText } from "./time_text.ts";

/**
 * What an operator should look at now. An alert has one name and is raised once until it is cleared. What a plugin says
 * by the events of the same names is listed too.
 */
export class Alerts {
  readonly #active = new Map<string, Alert>();
  readonly #clock: Clock;
  readonly #events: Events;

  /** Listens to the plugins until the signal aborts. */
  constructor(clock: Clock, events: Events, signal: AbortSignal) {
    this.#clock = clock;
    this.#events = events;
    events.on("alert:raised", ({ alert, detail }) => void this.#note(alert, detail), signal);
    events.on("alert:cleared", ({ alert }) => void this.#active.delete(alert), signal);
  }

  raise(name: string, detail: string): void {
    if (this.#note(name, detail)) this.#events.emit("alert:raised", { alert: name, detail });
  }

  clear(name: string): void {
    if (this.#active.delete(name)) this.#events.emit("alert:cleared", { alert: name });
  }

  /** True when it says something new. */
  #note(name: string, detail: string): boolean {
    const known = this.#active.get(name);
    if (known?.detail === detail) return false;
    this.#active.set(name, { name, detail, since: known?.since ?? timeText(this.#clock.wall()) });
    return true;
  }

  list(): readonly Alert[] {
    return [...this.#active.values()];
  }
}
