/**
 * What a container may send: one chain per port, in the ingress hook of the node's end of its pair, where a frame is
 * judged before the bridge has seen it. Text for `nft -f`; every text replaces the chain of its port in one transaction,
 * so that a rule set that is set again leaves no gap.
 *
 * Rules list what passes and end in a drop. Ether types are read from the frame, with `ether type` and not by
 * `meta protocol`: the latter is that of the packet inside, should the frame have a VLAN tag.
 */
import type { DropName } from "../../core/contracts/drop.ts";
import type { Lease } from "../../core/contracts/ipam.ts";
import type { Address, Prefix } from "../../core/contracts/values.ts";
import { formatAddress } from "../../core/wire/address.ts";
import { encodeHex } from "../../core/wire/hex.ts";
import { formatMac } from "../../core/wire/mac.ts";
import { formatPrefix } from "../../core/wire/prefix.ts";

export const tableName = "selvage";

/** Named after the reasons that they count for. */
export const dropCounters = [
  "badSource",
  "malformed",
  "unsupported",
  "loop",
  "rateLimited",
  "queueFull",
] as const satisfies readonly DropName[];

/**
 * Broadcast and multicast that a port lets in, a second: what containers of one host lead in a circle between them stays in
 * the kernel, which would spend all its time on it, and every round would go out to all nodes.
 */
export const groupRate = 2_000;
/** Of what is beyond that, beside `rateLimited`, where joined bridges count too. */
export const stormCounter = "storm";

export interface PortRules {
  /** Name of the interface, and of its chain. */
  readonly port: string;
  /** What the packets of this port are marked with. */
  readonly mark: number;
  readonly mac: Uint8Array;
  readonly leases: readonly Lease[];
  readonly allowLayer2: boolean;
  /** Of a router: what it passes on is from none of these. */
  readonly forwards?: readonly Prefix[];
}

/** The table with its counters; changes nothing where they are. */
export function tableRules(): string {
  const counters = [...dropCounters, stormCounter].map((name) => `add counter netdev ${tableName} ${name}`);
  return [`add table netdev ${tableName}`, ...counters, ""].join("\n");
}

/** The chain of one port, in place of the one that it has. */
export function portRules(rules: PortRules): string {
  const chain = `netdev ${tableName} ${rules.port}`;
  const hook = `type filter hook ingress device "${rules.port}" priority 0; policy drop;`;
  const lines = [...frameRules(rules), ...arpRules(rules), ...ipv4Rules(rules), ...ipv6Rules(rules)];
  return [
    `add chain ${chain} { ${hook} }`,
    `flush chain ${chain}`,
    ...[...lines, drop("badSource")].map((rule) => `add rule ${chain} ${rule}`),
    "",
  ].join("\n");
}

export function removePortRules(port: string): string {
  return `delete chain netdev ${tableName} ${port}\n`;
}

function frameRules({ mac, allowLayer2, mark }: PortRules): string[] {
  const others = allowLayer2 ? accept(mark) : drop("unsupported");
  return [
    `ether saddr != ${formatMac(mac)} ${drop("badSource")}`,
    `ether daddr & 01:00:00:00:00:00 == 01:00:00:00:00:00 limit rate over ${groupRate}/second burst ${groupRate} packets ` +
    `counter name ${stormCounter} ${drop("rateLimited")}`,
    `ether type != ip ether type != ip6 ether type != arp ${others}`,
  ];
}

/** Hardware type 1, protocol 0x0800, lengths 6 and 4; then the sender, or a probe (RFC 5227 §2.1.1). */
function arpRules({ mac, leases, mark }: PortRules): string[] {
  const own = addressesOf(leases, 4).map(formatAddress);
  return [
    `ether type arp @nh,0,48 != 0x000108000604 ${drop("malformed")}`,
    `ether type arp arp saddr ether != ${formatMac(mac)} ${drop("badSource")}`,
    ...anyOf("ether type arp arp saddr ip", own, accept(mark)),
    `ether type arp arp operation request arp saddr ip 0.0.0.0 ${accept(mark)}`,
    `ether type arp ${drop("badSource")}`,
  ];
}

function ipv4Rules({ leases, mark, forwards }: PortRules): string[] {
  const own = addressesOf(leases, 4).map(formatAddress);
  return [
    ...anyOf("ether type ip ip saddr", own, accept(mark)),
    ...foreignRules("ip", forwards, mark),
  ];
}

/** What is of no range is not of the network, so it takes no place of anybody in it. */
function foreignRules(family: "ip" | "ip6", forwards: readonly Prefix[] | undefined, mark: number): string[] {
  const ranges = (forwards ?? []).filter(({ address }) => address.family === (family === "ip" ? 4 : 6));
  const inside = [...ranges.map(formatPrefix), ...neverForwarded[family]];
  return when(
    ranges.map(formatPrefix),
    `ether type ${family} ${family} saddr != ${set(inside)} ${accept(mark)}`,
  );
}

/** Unspecified, loopback, link-local and group addresses are no sources of what comes from elsewhere. */
const neverForwarded = {
  ip: ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"],
  ip6: ["::/127", "fe80::/10", "ff00::/8"],
} as const;

/**
 * No router speaks here, so advertisements and redirects of one are lies. What an advertisement or a probe for
 * duplicates names must be the interface's own: a foreign target takes an address away from who holds it. Behind
 * extension headers the kernel finds the message; fragments of neighbour discovery no receiver takes (RFC 6980 §5).
 */
function ipv6Rules({ leases, mac, mark, forwards }: PortRules): string[] {
  const own = [...addressesOf(leases, 6), linkLocalOf(mac)];
  const target = `@th,64,128`;
  const targets = own.map(({ bytes }) => `0x${encodeHex(bytes)}`);
  const [ip6, unspecified] = ["ether type ip6", "ether type ip6 ip6 saddr ::"];
  return [
    ...anyOf(`${ip6} icmpv6 type`, ["nd-router-advert", "nd-redirect"], drop("badSource")),
    `${ip6} icmpv6 type nd-neighbor-advert ${noneOf(target, targets)} ${drop("badSource")}`,
    ...anyOf(`${ip6} ip6 saddr`, own.map(formatAddress), accept(mark)),
    ...foreignRules("ip6", forwards, mark),
    ...anyOf(`${unspecified} icmpv6 type nd-neighbor-solicit ${target}`, targets, accept(mark)),
    ...anyOf(`${unspecified} icmpv6 type`, listenerMessages, accept(mark)),
  ];
}

const listenerMessages = ["mld-listener-report", "mld-listener-done", "mld2-listener-report"];

function accept(mark: number): string {
  return `meta mark set ${mark} accept`;
}

function drop(reason: (typeof dropCounters)[number]): string {
  return `counter name ${reason} drop`;
}

/**
 * Longer lists are sets. A set of its own for each short one was rejected: the kernel compares every new set with all that
 * there are, and a start with a hundred ports would wait for that.
 */
const longestWithoutSet = 4;

/** Rules for what `match` finds to be one of `elements`; none for none. */
function anyOf(match: string, elements: readonly string[], verdict: string): string[] {
  if (elements.length > longestWithoutSet) return [`${match} ${set(elements)} ${verdict}`];
  return elements.map((element) => `${match} ${element} ${verdict}`);
}

/** True for what is none of `elements`. */
function noneOf(field: string, elements: readonly string[]): string {
  if (elements.length > longestWithoutSet) return `${field} != ${set(elements)}`;
  return elements.map((element) => `${field} != ${element}`).join(" ");
}

function set(elements: readonly string[]): string {
  return `{ ${elements.join(", ")} }`;
}

function when(elements: readonly string[], rule: string): string[] {
  return elements.length === 0 ? [] : [rule];
}

function addressesOf(leases: readonly Lease[], family: 4 | 6): Address[] {
  return leases.map(({ address }) => address).filter((address) => address.family === family);
}

/** The link-local address of an interface whose identifier is its MAC (RFC 4291 appendix A). */
export function linkLocalOf(mac: Uint8Array): Address {
  const bytes = new Uint8Array(16);
  bytes.set([0xfe, 0x80]);
  bytes.set(mac.subarray(0, 3), 8);
  bytes.set([0xff, 0xfe], 11);
  bytes.set(mac.subarray(3), 13);
  bytes[8]! ^= 0x02;
  return { family: 6, bytes };
}
