/**
 * The table `inet selvage` of the host's own namespace. Other tools neither read nor write it, so it can be replaced as a
 * whole, in one transaction, whenever anything changes. Connections that are translated already stay as they are. Each node
 * of a host has one of its own, `inet selvage-NAMESPACE` after the namespace of its bridge.
 *
 *     guard    before all else: the node's own ports
 *     outlet   what the node itself sends, which must not go into the network that it carries
 *     entry    destinations of what comes from outside: services
 *     local    the same for programs of the host itself
 *     sources  addresses of what goes out: masquerade
 *
 * An accept in this table would be of no use: every other table on the hook is asked too. See `foreign_rules.ts`.
 */
import type {
  ClosedPort,
  HostPlan,
  HostService,
  Masquerade,
  ServiceProtocol,
} from "../../../core/contracts/exposure.ts";
import type { Prefix } from "../../../core/contracts/values.ts";
import { formatAddress, parseAddress } from "../../../core/wire/address.ts";
import { hostPrefix } from "../../../core/wire/prefix.ts";
import {
  drop,
  ip,
  ipAmong,
  ipName,
  leave,
  meta,
  type NftCommand,
  port,
  ruleIn,
  type Statement,
  toThisHost,
  translated,
} from "./nft_json.ts";

const family = "inet";
const commonName = "selvage";
const loopback: Prefix = { address: parseAddress("127.0.0.0")!, bits: 8 };

/** Priorities by their numbers, which every version of nft knows: raw, dstnat, srcnat. */
const chains = {
  guard: { type: "filter", hook: "prerouting", prio: -300 },
  outlet: { type: "filter", hook: "output", prio: -300 },
  entry: { type: "nat", hook: "prerouting", prio: -100 },
  local: { type: "nat", hook: "output", prio: -100 },
  sources: { type: "nat", hook: "postrouting", prio: 100 },
} as const;

type ChainKey = keyof typeof chains;

/** What the kernel forwarded before us: kept as empty chains, for who undoes it may be a later run. */
export type Forwarding = Readonly<Record<4 | 6, boolean>>;

/**
 * Of the table, and the comment of our rules among those of others, for the node whose bridge is in `namespace`: no two
 * nodes of a host share it, and 71 letters are fewer than a comment of nft may have.
 */
export function ruleName(namespace: string): string {
  return namespace === commonName ? commonName : `${commonName}-${namespace}`;
}

/** Whether it is that of some node of this program. */
export function isRuleName(name: string): boolean {
  return name === commonName || name.startsWith(`${commonName}-`);
}

export function isOwnTable(chain: { readonly family: string; readonly table: string }): boolean {
  return chain.family === family && isRuleName(chain.table);
}

/** The table of that name in place of the one that there is. `turnedOn`: forwarding that was off before this program. */
export function ownTable(name: string, plan: HostPlan, turnedOn: Forwarding): readonly NftCommand[] {
  const rules: Record<ChainKey, readonly (readonly Statement[])[]> = {
    guard: guardRules(plan),
    outlet: outletRules(plan),
    entry: plan.services.toSorted(specificFirst).map((service) => entryRule(plan, service)),
    local: plan.services.toSorted(specificFirst).flatMap((service) => localRules(service)),
    sources: plan.device === undefined ? [] : plan.ranges.flatMap((range) => sourceRules(plan, range)),
  };
  const chainOf = (chain: string) => ({ family, table: name, name: chain });
  const made = Object.entries(chains).map(([chain, hook]) => ({
    add: { chain: { ...chainOf(chain), ...hook, policy: "accept" } },
  }));
  const notes = ([4, 6] as const).filter((each) => turnedOn[each]).map((each) => ({
    add: { chain: chainOf(noteName(each)) },
  }));
  return [
    ...removeOwnTable(name),
    { add: { table: { family, name } } },
    ...made,
    ...notes,
    ...Object.entries(rules).flatMap(([chain, its]) =>
      its.map((expr) => ({ add: ruleIn(chainOf(chain), expr) }))
    ),
  ];
}

/** No failure where there is none. */
export function removeOwnTable(name: string): readonly NftCommand[] {
  const table = { family, name };
  return [{ add: { table } }, { delete: { table } }];
}

/** Of the chain that stands for a setting which was off. */
export function noteName(family: 4 | 6): string {
  return `forwarding${family}-was-off`;
}

/**
 * A neighbour on the underlay may send to 127.0.0.1 of a host that has route_localnet set, as hosts of Kubernetes have,
 * and what is in the network may send to any address of the host: neither has business with the node's own ports.
 */
function guardRules({ device, closed }: HostPlan): (readonly Statement[])[] {
  return (["tcp", "udp"] as const).flatMap((protocol) => {
    const ports = portsOf(closed, protocol);
    if (ports.length === 0) return [];
    const match = port(protocol, ports);
    const foreign = [meta("iifname", "lo", "!="), ip("daddr", loopback), match, drop];
    return device === undefined ? [foreign] : [foreign, [meta("iifname", device), toThisHost, match, drop]];
  });
}

/**
 * A route that leads to another node through the network itself would have every datagram wrapped in the next one, and
 * whatever the largest of them is cut into likewise, as fast as the machine can. Dropped here, the send fails and is
 * counted, and the session ends as with any peer that is out of reach.
 */
function outletRules({ device, closed }: HostPlan): (readonly Statement[])[] {
  const ports = portsOf(closed, "udp");
  return device === undefined || ports.length === 0
    ? []
    : [[meta("oifname", device), port("udp", ports, "sport"), drop]];
}

function portsOf(closed: readonly ClosedPort[], protocol: ServiceProtocol): number[] {
  return [...new Set(closed.filter((each) => each.protocol === protocol).map((each) => each.port))]
    .sort((a, b) => a - b);
}

/** What has an address of its own comes before what takes all that are left. */
function specificFirst(left: HostService, right: HostService): number {
  return Number(left.listen.address === undefined) - Number(right.listen.address === undefined);
}

function entryRule(
  { device }: HostPlan,
  { kind, protocol, listen, target }: HostService,
): readonly Statement[] {
  const { family } = target.address;
  return [
    ...(kind === "import" && device !== undefined ? [meta("iifname", device)] : []),
    ...(listen.address === undefined
      ? [meta("nfproto", `ipv${family}`)]
      : [ip("daddr", hostPrefix(listen.address))]),
    toThisHost,
    port(protocol, [listen.port]),
    destination(target),
  ];
}

/** Not for loopback: a packet from 127.0.0.1 is dropped when it leaves by an interface. */
function localRules({ kind, protocol, listen, target }: HostService): (readonly Statement[])[] {
  if (kind === "import") return [];
  const { family } = target.address;
  const place = listen.address === undefined
    ? [
      ...(family === 4
        ? [ip("daddr", loopback, "!=")]
        : [meta("nfproto", "ipv6"), meta("oifname", "lo", "!=")]),
    ]
    : [ip("daddr", hostPrefix(listen.address))];
  return [[...place, toThisHost, port(protocol, [listen.port]), destination(target)]];
}

function destination({ address, port }: HostService["target"]): Statement {
  return { dnat: { family: ipName(address.family), addr: formatAddress(address), port } };
}

/**
 * In this order: a member that comes through the host to another, which would answer it directly; endpoints that are to see
 * the true source; what enters; what leaves. Without masquerade only services are translated, which need it to work.
 */
function sourceRules({ device, masquerade, services }: HostPlan, range: Prefix): (readonly Statement[])[] {
  const { family } = range.address;
  if (masquerade === undefined && services.length === 0) return [];
  const [inwards, outwards] = [meta("oifname", device!), meta("oifname", device!, "!=")];
  const fromInside = ip("saddr", range);
  const mask = masquerading(masquerade);
  const unmasked = (masquerade?.unmasked ?? []).filter((address) => address.family === family);
  return [
    [inwards, fromInside, translated, mask],
    ...(unmasked.length === 0 ? [] : [[inwards, ipAmong("daddr", unmasked), leave]]),
    [inwards, ip("saddr", range, "!="), masquerade === undefined ? translated : ip("daddr", range), mask],
    [outwards, fromInside, masquerade === undefined ? translated : ip("daddr", range, "!="), mask],
  ];
}

function masquerading(masquerade: Masquerade | undefined): Statement {
  return { masquerade: masquerade?.randomFully === true ? { flags: "fully-random" } : null };
}
