/**
 * What follows from the founding record, the takeovers and a set of grants: which of them are valid, and who owns what.
 *
 * The space is parted into realms: what the latest takeover has named, and what none has. In each of them ownership
 * begins anew with the heir, or the founder, and only grants of its epoch count, so a grant that was made before a takeover
 * says nothing behind it, whoever signed it and whenever it is seen first.
 */
import type { Route } from "../../core/contracts/ipam.ts";
import type { PeerId, Prefix } from "../../core/contracts/values.ts";
import { comparePrefix, containsPrefix, samePrefix } from "../../core/wire/prefix.ts";
import type { Grant } from "./grant.ts";
import { type Span, spanOf } from "./span.ts";
import { epochOf, foundingEpoch, type Takeover } from "./takeover.ts";

export interface RingRoot {
  /** One per family at most. */
  readonly ranges: readonly Prefix[];
  /** Owns whatever no valid grant gives to another. */
  readonly founder: PeerId;
}

/** A run of addresses with one owner; all segments together cover the ranges exactly. */
export interface Segment extends Span {
  readonly family: 4 | 6;
  readonly owner: PeerId;
}

/** A prefix in which ownership begins anew, but for realms inside it, which are all later. */
export interface Realm {
  readonly prefix: Prefix;
  readonly owner: PeerId;
  /** Of the grants that count in it. */
  readonly epoch: number;
}

export interface Ownership {
  /** The ranges, and the prefixes of realms and of all valid grants, in order of address, larger ones first. */
  readonly routes: readonly Route[];
  /** Ascending by family and address. */
  readonly segments: readonly Segment[];
  readonly valid: ReadonlySet<Grant>;
  /** In the order of {@link routes}. */
  readonly realms: readonly Realm[];
}

/** Where the present prefix lies: what encloses it, the outermost first. */
interface Step extends Omit<Realm, "epoch"> {
  readonly realm: Realm;
}

/** One pass in order of address: whoever encloses the present grant is on the stack. */
export function ownershipOf(
  root: RingRoot,
  grants: Iterable<Grant>,
  takeovers: Iterable<Takeover> = [],
): Ownership {
  const realms = realmsOf(root, takeovers);
  const routes: Route[] = [];
  const valid = new Set<Grant>();
  const stack: Step[] = [];
  const isInside = ({ prefix }: Grant) => root.ranges.some((range) => containsPrefix(range, prefix));
  const all: (Realm | Grant)[] = [...realms, ...[...grants].filter(isInside)];
  // Stable: a realm comes before grants of the same prefix.
  for (const item of all.sort((a, b) => comparePrefix(a.prefix, b.prefix))) {
    while (stack.length > 0 && !containsPrefix(stack.at(-1)!.prefix, item.prefix)) stack.pop();
    if ("record" in item) {
      const above = stack.findLast(({ prefix, realm }) =>
        prefix.bits < item.prefix.bits || (realm.prefix === prefix && realm.epoch !== foundingEpoch)
      );
      if (above?.owner !== item.from || above.realm.epoch !== item.epoch) continue;
      valid.add(item);
      stack.push({ prefix: item.prefix, owner: item.owner, realm: above.realm });
      put(routes, { prefix: item.prefix, owner: item.owner, grantedBy: item.from });
    } else {
      stack.push({ ...item, realm: item });
      put(routes, { prefix: item.prefix, owner: item.owner });
    }
  }
  return { routes, segments: segmentsOf(routes), valid, realms };
}

/** An heir may give away all of what it took over at once: then nothing of that prefix is its own. */
function put(routes: Route[], route: Route): void {
  const last = routes.at(-1);
  if (last !== undefined && samePrefix(last.prefix, route.prefix)) routes.pop();
  routes.push(route);
}

/** Those that are not hidden by a later one; each lies inside earlier ones only. */
function realmsOf({ ranges, founder }: RingRoot, takeovers: Iterable<Takeover>): readonly Realm[] {
  const all: Realm[] = ranges.map((prefix) => ({ prefix, owner: founder, epoch: foundingEpoch }));
  for (const takeover of takeovers) {
    for (const prefix of takeover.prefixes) {
      if (!ranges.some((range) => containsPrefix(range, prefix))) continue;
      all.push({ prefix, owner: takeover.heir, epoch: epochOf(takeover) });
    }
  }
  all.sort((a, b) => comparePrefix(a.prefix, b.prefix) || b.epoch - a.epoch);
  const stack: Realm[] = [];
  return all.filter((realm) => {
    while (stack.length > 0 && !containsPrefix(stack.at(-1)!.prefix, realm.prefix)) stack.pop();
    const isSeen = stack.length === 0 || stack.at(-1)!.epoch < realm.epoch;
    if (isSeen) stack.push(realm);
    return isSeen;
  });
}

/** The nested routes, in order, laid flat. */
function segmentsOf(routes: readonly Route[]): readonly Segment[] {
  const segments: Segment[] = [];
  const stack: Segment[] = [];
  let cursor = 0n;
  const emit = (end: bigint, { family, owner }: Segment) => {
    if (cursor < end) segments.push({ family, owner, start: cursor, end });
    cursor = end;
  };
  const closeUntil = (isOpen: (segment: Segment) => boolean) => {
    for (let top = stack.at(-1); top !== undefined && !isOpen(top); top = stack.at(-1)) {
      emit(top.end, top);
      stack.pop();
    }
  };
  for (const { prefix, owner } of routes) {
    const segment = { family: prefix.address.family, owner, ...spanOf(prefix) };
    closeUntil(({ family, end }) => family === segment.family && end > segment.start);
    const top = stack.at(-1);
    if (top !== undefined) emit(segment.start, top);
    cursor = segment.start;
    stack.push(segment);
  }
  closeUntil(() => false);
  return segments;
}
