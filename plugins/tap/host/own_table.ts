/**
 * The table `inet selvage` of the host's own namespace. Other tools neither read nor write it, so it can be replaced as a
 * whole, in one transaction, whenever anything changes. Connections that are translated already stay as they are.
 *
 *     guard    before all else: the node's own ports
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

const table = { family: "inet", name: "selvage" } as const;
const loopback: Prefix = { address: parseAddress("127.0.0.0")!, bits: 8 };

/** Priorities by their numbers, which every version of nft knows: raw, dstnat, srcnat. */
const chains = {
  guard: { type: "filter", hook: "prerouting", prio: -300 },
  entry: { type: "nat", hook: "prerouting", prio: -100 },
  local: { type: "nat", hook: "output", prio: -100 },
  sources: { type: "nat", hook: "postrouting", prio: 100 },
} as const;

type ChainKey = keyof typeof chains;

/** What the kernel forwarded before us: kept as empty chains, for who undoes it may be a later run. */
export type Forwarding = Readonly<Record<4 | 6, boolean>>;

/** The table in place of the one that there is. `turnedOn`: forwarding that was off before this program. */
export function ownTable(plan: HostPlan, turnedOn: Forwarding): readonly NftCommand[] {
  const rules: Record<ChainKey, readonly (readonly Statement[])[]> = {
    guard: guardRules(plan),
    entry: plan.services.toSorted(specificFirst).map((service) => entryRule(plan, service)),
    local: plan.services.toSorted(specificFirst).flatMap((service) => localRules(service)),
    sources: plan.device === undefined ? [] : plan.ranges.flatMap((range) => sourceRules(plan, range)),
  };
  const made = Object.entries(chains).map(([name, hook]) => ({
    add: { chain: { family: table.family, table: table.name, name, ...hook, policy: "accept" } },
  }));
  const notes = ([4, 6] as const).filter((family) => turnedOn[family]).map((family) => ({
    add: { chain: { family: table.family, table: table.name, name: noteName(family) } },
  }));
  return [
    ...removeOwnTable(),
    { add: { table } },
    ...made,
    ...notes,
    ...Object.entries(rules).flatMap(([name, its]) =>
      its.map((expr) => ({ add: ruleIn({ family: table.family, table: table.name, name }, expr) }))
    ),
  ];
}

/** No failure where there is none. */
export function removeOwnTable(): readonly NftCommand[] {
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
