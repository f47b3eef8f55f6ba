/**
 * Which endpoints of a peer are worth a datagram, and which first. What peers say of themselves is not proved, so what a node
 * sends there must not serve anybody to reach a third: no multicast, no loopback of this host, nothing inside the network
 * itself, and few in all.
 *
 * The order is that of RFC 8445 §5.1.2 and RFC 8421 §4 in spirit: what is near, then IPv6, which most often has no translator on
 * the way, then public IPv4, and private addresses of other networks last, for those that are routed to each other.
 */
import type { Address, Endpoint, Prefix } from "../contracts/values.ts";
import {
  isLimitedBroadcast,
  isLinkLocal,
  isLoopback,
  isMulticast,
  isUnspecified,
  parseAddress,
} from "../wire/address.ts";
import { canonicalEndpoint, sameEndpoint } from "../wire/endpoint.ts";
import { contains, parsePrefix, prefixOf, samePrefix } from "../wire/prefix.ts";

/** As many as an announcement names. */
export const maxCandidates = 8;

/** Lower comes first. */
export type CandidateRank = 0 | 1 | 2 | 3;

export interface Surroundings {
  /** Where this node listens. */
  readonly own: readonly Endpoint[];
  /** What the network spans: nothing that carries the network may be sent into it. */
  readonly ranges: readonly Prefix[];
}

/** RFC 1918, RFC 6598 and RFC 4193. */
const privateRanges = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"]
  .map((text) => parsePrefix(text)!);

/** Networks of this size are taken for one link. */
const linkBits = { 4: 24, 6: 64 } as const;

/** Each once, in canonical form, best first, at most {@link maxCandidates}; equals in the order in which they came. */
export function rankCandidates(endpoints: readonly Endpoint[], around: Surroundings): readonly Endpoint[] {
  const usable: Endpoint[] = [];
  for (const each of endpoints) {
    const endpoint = canonicalEndpoint(each);
    if (endpoint === undefined || !isWorthTrying(endpoint, around)) continue;
    if (!usable.some((known) => sameEndpoint(known, endpoint))) usable.push(endpoint);
  }
  return usable
    .map((endpoint) => ({ endpoint, rank: rankOf(endpoint, around.own) }))
    .toSorted((left, right) => left.rank - right.rank)
    .slice(0, maxCandidates)
    .map(({ endpoint }) => endpoint);
}

/** 0: on a link of this node; 1: IPv6 of the internet; 2: the same of IPv4; 3: private, elsewhere. */
export function rankOf({ host }: Endpoint, own: readonly Endpoint[]): CandidateRank {
  const address = parseAddress(host)!;
  const link = prefixOf(address, linkBits[address.family]);
  const isNear = own.some((each) => {
    const near = parseAddress(each.host);
    return near?.family === address.family && samePrefix(prefixOf(near, linkBits[near.family]), link);
  });
  if (isNear) return 0;
  if (isPrivate(address)) return 3;
  return address.family === 6 ? 1 : 2;
}

/** Whether a datagram may be sent there only because somebody has said so. */
export function isWorthTrying(endpoint: Endpoint, { own, ranges }: Surroundings): boolean {
  const address = parseAddress(endpoint.host);
  if (address === undefined || !Number.isInteger(endpoint.port)) return false;
  if (endpoint.port < 1 || endpoint.port > 65_535) return false;
  if (isMulticast(address) || isUnspecified(address) || isLimitedBroadcast(address)) return false;
  // Without its zone an IPv6 address of a link means nothing; 169.254.0.0/16 is what a host without a network has.
  if (isLinkLocal(address)) return false;
  if (isLoopback(address) && !listensOnLoopbackAlone(own)) return false;
  return !ranges.some((range) => contains(range, address)) &&
    !own.some((each) => sameEndpoint(each, endpoint));
}

/** Nodes of one machine that are only for each other; whoever listens elsewhere too meets nobody there whom it could not meet else. */
function listensOnLoopbackAlone(own: readonly Endpoint[]): boolean {
  return own.length > 0 && own.every(({ host }) => {
    const address = parseAddress(host);
    return address !== undefined && isLoopback(address);
  });
}

function isPrivate(address: Address): boolean {
  return privateRanges.some((range) => contains(range, address));
}
