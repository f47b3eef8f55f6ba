/**
 * The pair of interfaces of one joined bridge: `join1` on ours, and an end on the host's. What may come in is judged in
 * the ingress hook of `join1`, as at the port of a container, but for what nobody can know of devices that nobody has
 * given addresses: anything that is no endpoint's may be theirs.
 */
import type { Address } from "../../core/contracts/values.ts";
import { formatAddress } from "../../core/wire/address.ts";
import { encodeHex } from "../../core/wire/hex.ts";
import { formatMac } from "../../core/wire/mac.ts";
import { bridgeName } from "./bridge_namespace.ts";
import { tableName } from "./ingress_rules.ts";
import { probeMac, probeSource, probeType } from "./loop_probe.ts";
import { fed } from "./script.ts";

export interface JoinRules {
  readonly number: number;
  /** To which frames are turned that tell of a loop: the TAP device gets what no port has. */
  readonly signal: Uint8Array;
  /** From which they seem to come: our bridge must not learn that an endpoint is behind the join. */
  readonly signalSource: Uint8Array;
  /** Of the endpoints of this host. */
  readonly macs: readonly Uint8Array[];
  readonly addresses: readonly Address[];
}

/** Probes and frames that come back, each per second and join: enough to count, too few to flood the node. */
const signalRate = 40;

/**
 * Broadcast and multicast that a join lets in: a storm between two bridges of one host never passes the node, and must
 * leave it the time to end it.
 */
const groupRate = 500;

/**
 * Devices that a join lets in at one time: our bridge learns them, and would learn every source that a program on a cable
 * can make up. Twice what a node announces, for those that come and go. The limit of the bridge itself (`fdb_max_learned`)
 * was rejected: few kernels have it, and beyond it frames still pass, with nobody counting.
 */
export const mostMacs = 1024;
/** As long as the bridge remembers what it has learned, so that it never has more than that. */
const learnedSeconds = 600;

/** Frames from a device beyond that, beside `queueFull`. */
export function crowdCounter(number: number): string {
  return `${joinName(number)}crowd`;
}

export function joinName(number: number): string {
  return `join${number}`;
}

/** The chain of one join, in place of the one that it has. */
export function joinRules({ number, signal, signalSource, macs, addresses }: JoinRules): string {
  const chain = `netdev ${tableName} ${joinName(number)}`;
  const hook = `type filter hook ingress device "${joinName(number)}" priority 0; policy drop;`;
  const turned = `ether saddr set ${formatMac(signalSource)} ether daddr set ${formatMac(signal)}`;
  const signalled = `limit rate ${signalRate}/second ${turned} accept`;
  const drop = (reason: string) => `counter name ${reason} drop`;
  const fixed = [...new Set(macs.map(formatMac))].filter((mac) => !derived.test(mac));
  const rules = [
    `ether saddr ${formatMac(probeSource)} ether type ${probeType} ${signalled}`,
    `ether saddr & 01:00:00:00:00:00 == 01:00:00:00:00:00 ${drop("malformed")}`,
    // Endpoints are on this side only: what has their MAC, or one that stands for an address, was on this side before.
    ...[
      ...[
        "ether saddr & ff:ff:00:00:00:00 == 0a:5e:00:00:00:00",
        "ether saddr & ff:00:00:00:00:00 == 0e:00:00:00:00:00",
      ],
      ...fixed.length === 0 ? [] : [`ether saddr { ${fixed.join(", ")} }`],
    ].flatMap((match) => [`${match} ${signalled}`, `${match} ${drop("loop")}`]),
    `ether daddr & 01:00:00:00:00:00 == 01:00:00:00:00:00 limit rate over ${groupRate}/second burst ${groupRate} packets ${
      drop("rateLimited")
    }`,
    `ether type != { ip, ip6, arp } ${drop("unsupported")}`,
    `ether type arp @nh,0,48 != 0x000108000604 ${drop("malformed")}`,
    `ether type ip6 icmpv6 type { nd-router-advert, nd-redirect } ${drop("badSource")}`,
    ...heldRules(addresses, drop("badSource")),
    // Of a full set no new element is made, and the rule does not match.
    `update @${macsName(number)} { ether saddr } accept`,
    `counter name ${crowdCounter(number)} ${drop("queueFull")}`,
  ];
  return [
    ...crowdObjects("add", number),
    `add chain ${chain} { ${hook} }`,
    `flush chain ${chain}`,
    ...rules.map((rule) => `add rule ${chain} ${rule}`),
    "",
  ].join("\n");
}

/** They outlive the rules, which are set again each time that an endpoint comes or goes. */
function crowdObjects(verb: "add" | "delete", number: number): string[] {
  const set = `set netdev ${tableName} ${macsName(number)}`;
  const counter = `counter netdev ${tableName} ${crowdCounter(number)}`;
  if (verb === "delete") return [`delete ${set}`, `delete ${counter}`];
  const kind = `type ether_addr; flags dynamic,timeout; size ${mostMacs}; timeout ${learnedSeconds}s;`;
  return [`add ${set} { ${kind} }`, `add ${counter}`];
}

function macsName(number: number): string {
  return `${joinName(number)}macs`;
}

const derived = /^(0a:5e|0e:)/;

/** An address that an endpoint of this host holds is no device's. */
function heldRules(addresses: readonly Address[], drop: string): string[] {
  const set = (items: readonly string[]) => `{ ${[...new Set(items)].join(", ")} }`;
  const held4 = addresses.filter(({ family }) => family === 4).map(formatAddress);
  const six = addresses.filter(({ family }) => family === 6);
  return [
    ...held4.length === 0 ? [] : [
      `ether type arp arp saddr ip ${set(held4)} ${drop}`,
      `ether type ip ip saddr ${set(held4)} ${drop}`,
    ],
    ...six.length === 0 ? [] : [
      `ether type ip6 icmpv6 type nd-neighbor-advert @th,64,128 ${
        set(six.map(({ bytes }) => `0x${encodeHex(bytes)}`))
      } ${drop}`,
      `ether type ip6 ip6 saddr ${set(six.map(formatAddress))} ${drop}`,
    ],
  ];
}

export interface JoinPlan {
  readonly rules: JoinRules;
  /** The bridge of the host. */
  readonly device: string;
  /** Our end on it. */
  readonly hostEnd: string;
  readonly alias: string;
  readonly mtu: number;
}

/** In the host's namespace: makes the pair. `$1` is the path of our namespace, `$2` the bridge. */
export function pairText({ rules, hostEnd, mtu }: JoinPlan): string {
  return `
exec 9<"$1"
ip link add name ${hostEnd} mtu ${mtu} type veth peer name ${
    joinName(rules.number)
  } mtu 65535 netns /proc/$$/fd/9
${enslaveText(hostEnd)}`;
}

/** In the host's namespace, also for an end that is there. `$2` is the bridge. */
export function enslaveText(hostEnd: string): string {
  return `ip link set dev ${hostEnd} addrgenmode none master "$2" up
`;
}

/**
 * On our side. This port alone learns: who is behind it only frames tell. The mark that a frame gets is that of no
 * container. The alias comes last: without it a join is not yet made.
 */
export function settleText({ rules, alias }: JoinPlan): string {
  const name = joinName(rules.number);
  return `${fed("nft -f -", joinRules(rules))}${
    fed(
      "ip -batch -",
      `link set dev ${name} addrgenmode none master ${bridgeName}
link set dev ${name} type bridge_slave learning on flood off mcast_flood on bcast_flood on hairpin off
link set dev ${bridgeName} type bridge ageing_time ${learnedSeconds * 100}`,
    )
  }bridge fdb replace ${formatMac(probeMac(rules.number))} dev ${name} master static
ip link set dev ${name} alias "${alias}"
ip link set dev ${name} up
`;
}

/** Works whatever is left of it; fails only if the interface stays. */
export function leaveText(number: number): string {
  const name = joinName(number);
  const chain = `chain netdev ${tableName} ${name}`;
  // The kernel takes a chain away with its interface: what is added is there to be deleted.
  const objects = [
    `add ${chain}`,
    `delete ${chain}`,
    ...crowdObjects("add", number),
    ...crowdObjects("delete", number),
  ].join("\n");
  return `ip link del dev ${name} 2>/dev/null || true
${fed("nft -f - 2>/dev/null", objects, "|| true")}[ -z "$(ip -br link show dev ${name} 2>/dev/null)" ]
`;
}
