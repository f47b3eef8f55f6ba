import type { EventName, Events, NodeEvents } from "../contracts/events.ts";
import type { Logger } from "../contracts/host.ts";

type AnyListener = (name: EventName, detail: NodeEvents[EventName]) => void;

/** The node's one {@link Events}. A listener that throws is logged and costs the others nothing. */
export class EventBus implements Events {
  readonly #listeners = new Set<AnyListener>();
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  emit<K extends EventName>(name: K, detail: NodeEvents[K]): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(name, detail);
      } catch (error) {
        this.#log.log("error", "An event listener failed", { event: name, error });
      }
    }
  }

  on<K extends EventName>(name: K, listener: (detail: NodeEvents[K]) => void, signal: AbortSignal): void {
    this.onAny((emitted, detail) => {
      if (emitted === name) listener(detail as NodeEvents[K]);
    }, signal);
  }

  onAny(listener: AnyListener, signal: AbortSignal): void {
    if (signal.aborted) return;
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#listeners.delete(listener), { once: true });
  }
}
