/**
 * From link records and routes to what people ask: who is linked to whom, and how do packets get there. Names, ids and
 * endpoints of members are handed in, since records have tags only.
 */
import type { LinkStatus, PeerLinksStatus, WayStatus } from "../contracts/topology.ts";
import type { Millis, PeerId } from "../contracts/values.ts";
import type { LinkGraph } from "./link_graph.ts";
import { type LinkRecord, outboundFlag, type ToldLink } from "./link_record.ts";
import { type LinkTag, tagOf } from "./link_tag.ts";
import type { Route } from "./route_planner.ts";
import { millisOf } from "./rtt_class.ts";

/** A member as a reader knows it. */
export interface NamedMember {
  readonly peer: PeerId;
  readonly name: string;
  /** Best first, as text. */
  readonly endpoints: readonly string[];
}

/** Members of whom anything is to be shown, by tag. */
export type MemberNames = ReadonlyMap<LinkTag, NamedMember>;

export function namesByTag(members: Iterable<NamedMember>): MemberNames {
  return new Map([...members].map((member) => [tagOf(member.peer), member]));
}

/** One entry for each member, by name; one that has told nothing has no links. */
export function peerLinks(
  members: MemberNames,
  records: Iterable<LinkRecord>,
  graph: LinkGraph,
  self: PeerId,
): readonly PeerLinksStatus[] {
  const told = new Map([...records].map((record) => [record.tag, record]));
  return byName(members).map(([tag, { peer, name }]) => ({
    peer,
    name,
    self: peer === self,
    relay: told.get(tag)?.willingness ?? "never",
    links: (told.get(tag)?.links ?? []).map((link) =>
      linkStatus(link, graph.isLinked(tag, link.tag), members)
    ),
  }));
}

function linkStatus(
  { tag, flags, rttClass }: ToldLink,
  isConfirmed: boolean,
  members: MemberNames,
): LinkStatus {
  const other = members.get(tag);
  return {
    direction: (flags & outboundFlag) !== 0 ? "->" : "<-",
    peer: other?.peer ?? null,
    name: other?.name ?? null,
    endpoint: other?.endpoints[0] ?? null,
    state: isConfirmed ? "established" : "pending",
    rttMillis: millisOf(rttClass) ?? null,
  };
}

/** One entry for each member, by name, with the way that packets for it take. */
export function ways(members: MemberNames, routes: ReadonlyMap<LinkTag, Route>): readonly WayStatus[] {
  return byName(members).map(([tag, member]) => wayStatus(member, routes.get(tag), members));
}

function wayStatus({ peer, name }: NamedMember, route: Route | undefined, members: MemberNames): WayStatus {
  if (route === undefined) {
    return {
      peer,
      name,
      way: "unreachable",
      via: [],
      hops: 0,
      rttMillis: null,
      reason: "it has told of no links",
    };
  }
  const via = route.path.slice(0, -1).map((tag) => ({
    peer: members.get(tag)?.peer ?? null,
    name: members.get(tag)?.name ?? null,
  }));
  return {
    peer,
    name,
    way: route.way,
    via,
    hops: route.path.length,
    rttMillis: finiteMillis(route.micros),
    reason: route.reason,
  };
}

function finiteMillis(micros: number): Millis | null {
  return Number.isFinite(micros) ? micros / 1000 : null;
}

function byName(members: MemberNames): readonly (readonly [LinkTag, NamedMember])[] {
  return [...members].sort(([, left], [, right]) => {
    const [a, b] = [`${left.name} ${left.peer}`, `${right.name} ${right.peer}`];
    return a < b ? -1 : a > b ? 1 : 0;
  });
}
