import type { Clock } from "../contracts/host.ts";
import type { Events } from "../contracts/events.ts";
import type { Alert } from "../contracts/node.ts";

/** What an operator should look at now. An alert has one name and is raised once until it is cleared. */
export class Alerts {
  readonly #active = new Map<string, Alert>();
  readonly #clock: Clock;
  readonly #events: Events;

  constructor(clock: Clock, events: Events) {
    this.#clock = clock;
    this.#events = events;
  }

  raise(name: string, detail: string): void {
    const known = this.#active.get(name);
    if (known?.detail === detail) return;
    this.#active.set(name, { name, detail, since: known?.since ?? this.#clock.wall() });
    this.#events.emit("alert:raised", { alert: name, detail });
  }

  clear(name: string): void {
    if (this.#active.delete(name)) this.#events.emit("alert:cleared", { alert: name });
  }

  list(): readonly Alert[] {
    return [...this.#active.values()];
  }
}
