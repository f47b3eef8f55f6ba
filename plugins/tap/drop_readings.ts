import { Drop } from "../../core/contracts/drop.ts";
import type { DropCounters } from "../../core/contracts/host.ts";
import { dropCounters } from "./ingress_rules.ts";

/** Carries what the kernel has counted over to the node's counters. */
export class DropReadings {
  readonly #last = new Map<string, number>();

  /** What was counted before the node was there is not its own. */
  begin(counters: ReadonlyMap<string, number>): void {
    for (const name of dropCounters) this.#last.set(name, counters.get(name) ?? 0);
  }

  /** Counts what has come since. A counter that has shrunk was made anew. */
  read(counters: ReadonlyMap<string, number>, drops: DropCounters): void {
    for (const name of dropCounters) {
      const [now, last] = [counters.get(name) ?? 0, this.#last.get(name) ?? 0];
      this.#last.set(name, now);
      const more = now >= last ? now - last : now;
      if (more > 0) drops.count(Drop[name], more);
    }
  }
}
