import type { PeerId, Prefix } from "../../core/contracts/values.ts";
import { contains, containsPrefix, formatPrefix } from "../../core/wire/prefix.ts";
import { type Ring, type RingBounds, ringBounds } from "./ring.ts";
import { spanOf } from "./span.ts";

/**
 * What must hold in every state; each violation in words. It repeats none of the code above: ownership is found anew
 * for every border of a segment by walking down from the root as the definition says.
 */
export function checkInvariants(ring: Ring, bounds: RingBounds = ringBounds): readonly string[] {
  const grants = ring.grants();
  const violations: string[] = [];
  if (grants.length > bounds.maxGrants) violations.push(`${grants.length} grants are held`);
  for (const from of new Set(grants.map((grant) => grant.from))) {
    if (ring.countBy(from) > bounds.maxPerGrantor) {
      violations.push(`${from} has ${ring.countBy(from)} grants`);
    }
  }
  for (const range of ring.root.ranges) violations.push(...checkCover(ring, range));
  for (const { prefix, owner } of ring.routes()) {
    const isInside = ring.root.ranges.some((range) => containsPrefix(range, prefix));
    if (!isInside) violations.push(`${formatPrefix(prefix)} of ${owner} is outside the ranges`);
  }
  return violations;
}

function checkCover(ring: Ring, range: Prefix): string[] {
  const { start, end } = spanOf(range);
  const { family } = range.address;
  const violations: string[] = [];
  let cursor = start;
  for (const segment of ring.segments().filter((each) => each.family === family)) {
    if (segment.start !== cursor) violations.push(`IPv${family} has a gap or an overlap at ${segment.start}`);
    cursor = segment.end;
    for (const value of [segment.start, segment.end - 1n]) {
      if (walk(ring, range, value) !== segment.owner) violations.push(`the owner of ${value} is disputed`);
    }
  }
  if (cursor !== end) violations.push(`IPv${family} is covered up to ${cursor}, not to ${end}`);
  return violations;
}

function walk(ring: Ring, range: Prefix, value: bigint): PeerId {
  const holds = (prefix: Prefix) => {
    const { start, end } = spanOf(prefix);
    return contains(range, prefix.address) && start <= value && value < end;
  };
  const takeover = ring.takeovers().findLast(({ prefixes }) => prefixes.some(holds));
  const begin = takeover?.prefixes.find(holds) ?? range;
  const epoch = takeover === undefined ? 1 : takeover.number + 1;
  const path = ring.grants().filter((grant) => holds(grant.prefix) && grant.epoch === epoch)
    .filter(({ prefix }) => prefix.bits >= begin.bits).sort((a, b) => a.prefix.bits - b.prefix.bits);
  let owner = takeover?.heir ?? ring.root.founder;
  // A range is never granted as a whole, what was taken over may be.
  let bits = takeover === undefined ? begin.bits : begin.bits - 1;
  let above = owner;
  for (const grant of path) {
    if (grant.prefix.bits > bits) above = owner;
    if (grant.from !== above) continue;
    owner = grant.owner;
    bits = grant.prefix.bits;
  }
  return owner;
}
