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
  /** Frames refused as of the last look, by the number of the join. */
  readonly #last = new Map<number, number>();
  #told = "";

  constructor(events: Host["events"]) {
    this.#events = events;
  }

  /** The alert stays for as long as there is more every time. A counter that has shrunk was made anew. */
  look(counters: ReadonlyMap<string, number>, joins: Iterable<CrowdedJoin>): void {
    const crowded: string[] = [];
    for (const { device, number } of joins) {
      const now = counters.get(crowdCounter(number)) ?? 0;
      if (now > (this.#last.get(number) ?? 0)) crowded.push(device);
      this.#last.set(number, now);
    }
    const told = crowded.join(", ");
    if (told === this.#told) return;
    this.#told = told;
    if (told === "") return this.#events.emit("alert:cleared", { alert });
    const detail = `more than ${mostMacs} devices behind ${told}: frames of the others are dropped; ` +
      "route to that network instead, or look for who invents addresses";
    this.#events.emit("alert:raised", { alert, detail });
  }
}
