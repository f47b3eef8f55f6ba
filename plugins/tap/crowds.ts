/** Bridges with more devices behind them than a join lets in: who is told, and until when. */
import type { Host } from "../../core/contracts/host.ts";
import { crowdCounter, mostMacs } from "./bridge_scripts.ts";

const alert = "bridge-devices";

export interface CrowdedJoin {
  readonly device: string;
  readonly number: number;
}

export class Crowds {
  readonly #events: Host["events"];
  /** As of the last look. */
  #last: ReadonlyMap<string, number> = new Map();
  #told = "";

  constructor(events: Host["events"]) {
    this.#events = events;
  }

  /** What was counted before the node was there is past. */
  begin(counters: ReadonlyMap<string, number>): void {
    this.#last = counters;
  }

  /** The alert stays for as long as there is more every time. */
  look(counters: ReadonlyMap<string, number>, joins: Iterable<CrowdedJoin>): void {
    const last = this.#last;
    this.#last = counters;
    const crowded = [...joins].filter(({ number }) => {
      const counter = crowdCounter(number);
      const [now, before] = [counters.get(counter) ?? 0, last.get(counter) ?? 0];
      // One that has shrunk was made anew.
      return now !== before && now > 0;
    });
    const told = crowded.map(({ device }) => device).join(", ");
    if (told === this.#told) return;
    this.#told = told;
    if (told === "") return this.#events.emit("alert:cleared", { alert });
    const detail = `more than ${mostMacs} devices behind ${told}: frames of the others are dropped; ` +
      "route to that network instead, or look for who invents addresses";
    this.#events.emit("alert:raised", { alert, detail });
  }
}
