/** Routes of the host that lie in the network's range, or around it: which ones they are, and who is told. */
import type { Host } from "../../../core/contracts/host.ts";
import type { Prefix } from "../../../core/contracts/values.ts";
import { parseAddress } from "../../../core/wire/address.ts";
import { formatPrefix, hostPrefix, overlaps, parsePrefix } from "../../../core/wire/prefix.ts";

/** A line of `ip -j route`. */
export interface RouteLine {
  /** `10.40.0.0/16`, `10.40.0.1`, `default`. */
  readonly dst?: string;
  readonly dev?: string;
  /** Left out for a usual one. */
  readonly type?: string;
}

/** Shorter prefixes around the range are ways to the rest of the world, halves of it included. */
const shortest = { 4: 8, 6: 16 } as const;
const overlapAlert = "range-overlap";

/** Those of other interfaces than `device` that overlap `range`, as `ip route` says them. Pure. */
export function overlappingRoutes(
  routes: readonly RouteLine[],
  range: Prefix,
  device: string,
): readonly string[] {
  const found = routes.filter(({ dst = "", dev = device, type = "unicast" }) => {
    const prefix = prefixOfRoute(dst);
    if (prefix === undefined || dev === device || type !== "unicast") return false;
    return prefix.bits >= shortest[prefix.address.family] && overlaps(prefix, range);
  });
  return [...new Set(found.map(({ dst, dev }) => `${dst} dev ${dev}`))];
}

function prefixOfRoute(text: string): Prefix | undefined {
  const address = parseAddress(text);
  return address === undefined ? parsePrefix(text) : hostPrefix(address);
}

/** Raised while there are any. */
export class OverlapAlert {
  readonly #events: Host["events"];
  #last = "";

  constructor(events: Host["events"]) {
    this.#events = events;
  }

  /** What a look has found. */
  note(routes: readonly string[], ranges: readonly Prefix[]): void {
    const found = routes.join(", ");
    if (found === this.#last) return;
    this.#last = found;
    if (found === "") return this.#events.emit("alert:cleared", { alert: overlapAlert });
    const network = ranges.map(formatPrefix).join(" or ");
    const advice = "remove the route, or found the network with another range";
    const detail = `the host has the route ${found} in the network's range ${network}; ${advice}`;
    this.#events.emit("alert:raised", { alert: overlapAlert, detail });
  }
}
