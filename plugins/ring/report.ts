import type { RangeShare } from "../../core/contracts/ipam.ts";
import type { PeerId, Prefix } from "../../core/contracts/values.ts";
import type { Ring } from "./ring.ts";
import { totalSize } from "./span.ts";

/** What every owner has, for people; the largest share of IPv4 first. A prefix counts without what is granted away. */
export function sharesOf(ring: Ring): readonly RangeShare[] {
  const prefixes = new Map<PeerId, Prefix[]>();
  for (const { prefix, owner } of ring.routes()) {
    prefixes.set(owner, [...prefixes.get(owner) ?? [], prefix]);
  }
  const shares = [...prefixes].map(([peer, own]) => ({
    peer,
    prefixes: own,
    share: { 4: fraction(ring, peer, 4), 6: fraction(ring, peer, 6) },
  }));
  return shares.sort((a, b) => b.share[4] - a.share[4] || (a.peer < b.peer ? -1 : 1));
}

function fraction(ring: Ring, peer: PeerId, family: 4 | 6): number {
  const spansOf = (isCounted: (owner: PeerId) => boolean) =>
    ring.segments().filter((segment) => segment.family === family && isCounted(segment.owner));
  const whole = totalSize(spansOf(() => true));
  return whole === 0n ? 0 : Number(totalSize(spansOf((owner) => owner === peer))) / Number(whole);
}
