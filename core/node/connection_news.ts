/**
 * Tells as events what becomes of the endpoints that are tried, and of the targets that the operator named. What changes is
 * looked at together, a tenth of a second after the first change: a session that is made anew at once is no news.
 */
import type { NodeEvents } from "../contracts/events.ts";
import type { Timer } from "../contracts/host.ts";
import type { Millis } from "../contracts/values.ts";
import { formatEndpoint } from "../wire/endpoint.ts";
import type { ConnectionTable } from "./connection_table.ts";
import type { EventBus } from "./event_bus.ts";
import type { Platform } from "./platform.ts";
import { type TargetSources, targetStatuses } from "./target_status.ts";

export interface ConnectionNewsParts extends TargetSources {
  readonly connections: ConnectionTable;
  readonly platform: Platform;
  readonly events: EventBus;
}

type Told<K extends "connection:changed" | "target:changed"> = ReadonlyMap<string, NodeEvents[K]>;

const gatherMillis: Millis = 100;

export class ConnectionNews {
  readonly #parts: ConnectionNewsParts;
  readonly #signal: AbortSignal;
  #timer: Timer | undefined;
  #connections: Told<"connection:changed"> = new Map();
  #targets: Told<"target:changed"> = new Map();

  /** Until the signal aborts. */
  constructor(parts: ConnectionNewsParts, signal: AbortSignal) {
    this.#parts = parts;
    this.#signal = signal;
    parts.connections.watch(() => this.changed());
    parts.events.on("target:resolved", () => this.changed(), signal);
    signal.addEventListener("abort", () => this.#timer?.cancel(), { once: true });
    this.changed();
  }

  /** Something may be otherwise than it was told last. */
  changed(): void {
    const { clock } = this.#parts.platform;
    if (this.#timer !== undefined || this.#signal.aborted) return;
    this.#timer = clock.timer(clock.now() + gatherMillis, () => {
      this.#timer = undefined;
      this.#tell();
    });
  }

  #tell(): void {
    const { events } = this.#parts;
    const connections = this.#connectionsNow();
    for (const [key, now] of connections) {
      if (!isSame(this.#connections.get(key), now)) events.emit("connection:changed", now);
    }
    for (const [key, { endpoint, peer }] of this.#connections) {
      if (!connections.has(key)) {
        events.emit("connection:changed", { endpoint, peer, state: "gone", reason: null });
      }
    }
    this.#connections = connections;
    const targets = this.#targetsNow();
    for (const [key, now] of targets) {
      if (!isSame(this.#targets.get(key), now)) events.emit("target:changed", now);
    }
    for (const target of this.#targets.keys()) {
      if (!targets.has(target)) events.emit("target:changed", { target, state: "forgotten", reason: null });
    }
    this.#targets = targets;
  }

  #connectionsNow(): Told<"connection:changed"> {
    return new Map([...this.#parts.connections.attempts()].map(({ endpoint, peer, state, reason }) => [
      formatEndpoint(endpoint),
      { endpoint, peer: peer ?? null, state, reason: reason ?? null },
    ]));
  }

  #targetsNow(): Told<"target:changed"> {
    return new Map(
      targetStatuses(this.#parts).map(({ endpoint: target, state, reason }) => [
        target,
        { target, state, reason },
      ]),
    );
  }
}

interface Faring {
  readonly state: string;
  readonly reason: string | null;
  readonly peer?: string | null;
}

function isSame(before: Faring | undefined, now: Faring): boolean {
  return before !== undefined && before.state === now.state && before.reason === now.reason &&
    before.peer === now.peer;
}
