import { Drop, type DropName, dropNames } from "../contracts/drop.ts";
import type { DropCounters } from "../contracts/host.ts";

/** One counter per reason, as numbers that are exact up to 2^53. */
export class DropCounts implements DropCounters {
  readonly #counts = new Float64Array(dropNames.length);

  count(drop: Drop): void {
    if (drop !== Drop.none) this.#counts[drop]! += 1;
  }

  /** Only the reasons that occurred. */
  report(): Partial<Record<DropName, number>> {
    const occurred = dropNames.map((name, drop) => [name, this.#counts[drop]!] as const)
      .filter(([, count]) => count > 0);
    return Object.fromEntries(occurred);
  }
}
