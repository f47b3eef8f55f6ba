/**
 * What a router between two hosts does to their datagrams, as a ruleset of nftables. The kernel forwards, so that a fast
 * path stays fast; it loses a share of the datagrams and counts each; another share it hands to a program on this router,
 * which sends them on late, twice, or both.
 *
 *     a ── left  ┌────────────┐ right ── b
 *                │ forwarding │
 *                └─ program ──┘
 *
 * Roaming: b sees a at another address and port of the router's, and what b sends there goes to a.
 */

/** Of every node here. */
export const nodePort = 6783;

export type Side = "left" | "right";

/** Where the program takes what comes from each side. */
export const latePorts: Readonly<Record<Side, number>> = { left: 7000, right: 7001 };

/** The source port with which the program sends on what came from the right; from the left it is one for every alias. */
export const backPort = 7200;
export const outPort = (alias: number): number => 7100 + alias;

/** First byte of a message of the encapsulation. */
const types = { response: 2, data: 6, part: 17 } as const;

export interface Ways {
  readonly family: 4 | 6;
  readonly host: Readonly<Record<Side, string>>;
  /** The router's own address on each side. */
  readonly router: Readonly<Record<Side, string>>;
  /** Addresses on the right that a can seem to have; the first is its own. */
  readonly aliases: readonly string[];
}

export interface Faults {
  readonly lossPerMille: number;
  readonly latePerMille: number;
  /** UDP lengths of the datagrams whose losses on the way from left to right are counted apart. */
  readonly countedLengths: readonly [number, ...number[]];
}

export const noFaults: Faults = { lossPerMille: 0, latePerMille: 0, countedLengths: [0] };

/** Packets of each kind since the router was made; `late` is what the program was handed. */
export const counterNames = [
  "countedLost",
  "partsLost",
  "othersLost",
  "late",
  "responses",
  "roamed",
] as const;
export type Counts = Readonly<Record<(typeof counterNames)[number], number>>;

const table = "inet middle";

/** Makes the table, once: a change of the rules must not forget what was counted. */
export function tableLines(): string[] {
  const chains = { prerouting: "raw", forward: "0", output: "0" };
  return [
    `add table ${table}`,
    ...counterNames.map((name) => `add counter ${table} ${name}`),
    `add chain ${table} lose`,
    ...Object.entries(chains).map(([name, priority]) =>
      `add chain ${table} ${name} { type filter hook ${name} priority ${priority}; }`
    ),
  ];
}

/** All rules anew, as one change: no packet sees half of it. `alias`: which of the addresses a seems to have. */
export function ruleLines(ways: Ways, faults: Faults, alias: number): string[] {
  const chains = {
    lose: loseRules(faults),
    prerouting: arrivingRules(ways, faults),
    forward: aliasRules(ways, alias),
    output: programRules(ways),
  };
  return Object.entries(chains).flatMap(([chain, rules]) => [
    `flush chain ${table} ${chain}`,
    ...rules.map((rule) => `add rule ${table} ${chain} ${rule}`),
  ]);
}

function loseRules({ countedLengths }: Faults): string[] {
  const count = (what: string, name: string) => `iifname "left" ${what} counter name "${name}" drop`;
  return [
    count(`udp length { ${countedLengths.join(", ")} } @th,64,8 ${types.data}`, "countedLost"),
    count(`@th,64,8 ${types.part}`, "partsLost"),
    'counter name "othersLost" drop',
  ];
}

function arrivingRules(ways: Ways, { lossPerMille, latePerMille }: Faults): string[] {
  const { family, host, router, aliases } = ways;
  const ip = family === 4 ? "ip" : "ip6";
  const late = (side: Side) =>
    `iifname "${side}" numgen random mod 1000 < ${latePerMille} counter name "late" ` +
    `${ip} daddr set ${router[side]} udp dport set ${latePorts[side]} accept`;
  return [
    "meta l4proto != udp accept",
    `@th,64,8 ${types.response} counter name "responses"`,
    ...lossPerMille === 0 ? [] : [`numgen random mod 1000 < ${lossPerMille} goto lose`],
    ...latePerMille === 0 ? [] : [late("left"), late("right")],
    `iifname "right" ${ip} daddr { ${aliases.slice(1).join(", ")} } counter name "roamed" ` +
    `${ip} daddr set ${host.left} udp dport set ${nodePort}`,
  ];
}

function aliasRules(ways: Ways, alias: number): string[] {
  return alias === 0 ? [] : [`iifname "left" oifname "right" meta l4proto udp ${sourceOf(ways, alias)}`];
}

/** What the program sends has the source that it would have had without a detour, as of when it arrived. */
function programRules(ways: Ways): string[] {
  const ip = ways.family === 4 ? "ip" : "ip6";
  return [
    ...ways.aliases.map((_, alias) => `udp sport ${outPort(alias)} ${sourceOf(ways, alias)}`),
    `udp sport ${backPort} ${ip} saddr set ${ways.host.right} udp sport set ${nodePort}`,
  ];
}

function sourceOf({ family, aliases }: Ways, alias: number): string {
  return `${family === 4 ? "ip" : "ip6"} saddr set ${aliases[alias]} udp sport set ${nodePort + alias}`;
}
