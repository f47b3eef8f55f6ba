/** What follows from the founding record and a set of grants: which of them are valid, and who owns what. */
import type { Route } from "../../core/contracts/ipam.ts";
import type { PeerId, Prefix } from "../../core/contracts/values.ts";
import { comparePrefix, containsPrefix } from "../../core/wire/prefix.ts";
import type { Grant } from "./grant.ts";
import { type Span, spanOf } from "./span.ts";

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

export interface Ownership {
  /** The ranges and the prefixes of all valid grants, in order of address, larger ones first. */
  readonly routes: readonly Route[];
  /** Ascending by family and address. */
  readonly segments: readonly Segment[];
  readonly valid: ReadonlySet<Grant>;
}

/** One pass in order of address: whoever encloses the present grant is on the stack. */
export function ownershipOf({ ranges, founder }: RingRoot, grants: Iterable<Grant>): Ownership {
  const routes: Route[] = [];
  const valid = new Set<Grant>();
  const ordered = [...grants].sort((a, b) => comparePrefix(a.prefix, b.prefix));
  for (const range of [...ranges].sort(comparePrefix)) {
    const stack: Route[] = [{ prefix: range, owner: founder }];
    routes.push(stack[0]!);
    for (const grant of ordered) {
      if (!containsPrefix(range, grant.prefix)) continue;
      while (!containsPrefix(stack.at(-1)!.prefix, grant.prefix)) stack.pop();
      const enclosing = stack.findLast(({ prefix }) => prefix.bits < grant.prefix.bits);
      if (enclosing?.owner !== grant.from) continue;
      const route = { prefix: grant.prefix, owner: grant.owner, grantedBy: grant.from };
      stack.push(route);
      routes.push(route);
      valid.add(grant);
    }
  }
  return { routes, segments: segmentsOf(routes), valid };
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
