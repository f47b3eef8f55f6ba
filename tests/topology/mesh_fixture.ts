/** Meshes for tests: nodes by number, links in words, and what their records would say. */
import type { RelayWillingness } from "../../core/contracts/topology.ts";
import type { ToldLink } from "../../core/topology/link_record.ts";
import type { GraphNode } from "../../core/topology/link_graph.ts";
import { compareTags, type LinkTag } from "../../core/topology/link_tag.ts";
import { rttClassOf } from "../../core/topology/rtt_class.ts";

/** Tags rise with the number. */
export function tagAt(number: number): LinkTag {
  return number.toString(16).padStart(16, "0") as LinkTag;
}

export interface TestLink {
  readonly from: number;
  readonly to: number;
  /** Class of the round trip; that of 10 ms when it does not matter. */
  readonly rttClass?: number;
  /** Only `from` tells of it. */
  readonly isOneSided?: boolean;
}

/** `from`–`to`, told by both. */
export function link(from: number, to: number, rttMillis = 10): TestLink {
  return { from, to, rttClass: rttClassOf(rttMillis) };
}

/** What nodes 0 to `count` − 1 tell; `willingness` by number, `willing` where it is silent. */
export function nodesOf(
  count: number,
  links: readonly TestLink[],
  willingness: Readonly<Record<number, RelayWillingness>> = {},
): readonly GraphNode[] {
  const told = Array.from({ length: count }, () => new Map<LinkTag, ToldLink>());
  for (const { from, to, rttClass = rttClassOf(10), isOneSided = false } of links) {
    told[from]!.set(tagAt(to), { tag: tagAt(to), rttClass, flags: 1 });
    if (!isOneSided) told[to]!.set(tagAt(from), { tag: tagAt(from), rttClass, flags: 0 });
  }
  return told.map((byTag, number) => ({
    tag: tagAt(number),
    willingness: willingness[number] ?? "willing",
    links: [...byTag.values()].sort((left, right) => compareTags(left.tag, right.tag)),
  }));
}

export function chain(count: number, rttMillis = 10): readonly TestLink[] {
  return Array.from({ length: count - 1 }, (_, i) => link(i, i + 1, rttMillis));
}

export function ring(count: number, rttMillis = 10): readonly TestLink[] {
  return [...chain(count, rttMillis), link(count - 1, 0, rttMillis)];
}

/** Node 0 with all others, which see nobody else. */
export function star(count: number): readonly TestLink[] {
  return Array.from({ length: count - 1 }, (_, i) => link(0, i + 1));
}
