import { Drop, dropNames } from "../contracts/drop.ts";
import type { DropCounters } from "../contracts/host.ts";
import type { DropReason } from "../contracts/node.ts";

/** All names but `none`, in the order of their values. */
const reasons = dropNames.filter((name): name is DropReason => name !== "none");

/** One counter per reason, as numbers that are exact up to 2^53. */
export class DropCounts implements DropCounters {
  readonly #counts = new Float64Array(dropNames.length);
  #collect: () => void = () => {};

  /** Called before every reading, for what is counted elsewhere and not yet here. */
  collectFrom(collect: () => void): void {
    this.#collect = collect;
  }

  count(drop: Drop, times = 1): void {
    if (drop !== Drop.none) this.#counts[drop]! += times;
  }

  /** Every reason, also those that never occurred. */
  all(): Record<DropReason, number> {
    this.#collect();
    const counts = reasons.map((name) => [name, this.#counts[Drop[name]]!] as const);
    return Object.fromEntries(counts) as Record<DropReason, number>;
  }

  /** Only the reasons that occurred. */
  report(): Partial<Record<DropReason, number>> {
    return Object.fromEntries(Object.entries(this.all()).filter(([, count]) => count > 0));
  }
}
