import type { PeerId, Prefix } from "../../core/contracts/values.ts";
import type { Ring } from "./ring.ts";
import { prefixesOf } from "./span.ts";

/** The fewest prefixes that make up what the peer owns. */
export function prefixesOwned(ring: Ring, peer: PeerId): readonly Prefix[] {
  return ring.root.ranges.flatMap((range) => prefixesOf(ring.spaceOf(peer, range), range.address.family));
}
