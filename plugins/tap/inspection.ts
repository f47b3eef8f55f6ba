/** What is there of what should be: one look at the namespace, and what it means. */
import type { AttachedLink } from "./attached_link.ts";
import { bridgeName, tapName } from "./bridge_namespace.ts";
import { tableName } from "./ingress_rules.ts";
import { type Link, parseChains, parseCounters, parseLinks } from "./links.ts";

export interface Inspection {
  readonly links: readonly Link[];
  readonly chains: ReadonlySet<string>;
  /** Packets by name of the counter. */
  readonly counters: ReadonlyMap<string, number>;
}

const nothing = '{"nftables":[]}';

/** One line each. */
export const inspectionText = `
ip -j -d link
nft -j list chains netdev
nft -j list counters table netdev ${tableName} 2>/dev/null || echo '${nothing}'
`;

export function parseInspection(output: string): Inspection {
  const [links = "[]", chains = nothing, counters = nothing] = output.trim().split("\n");
  return {
    links: parseLinks(links),
    chains: parseChains(chains, tableName),
    counters: parseCounters(counters),
  };
}

/** True while the bridge is there with the TAP device on it. */
export function isBridgeWhole({ links }: Inspection): boolean {
  const tap = links.find(({ ifname }) => ifname === tapName);
  return links.some(({ ifname }) => ifname === bridgeName) && tap?.master === bridgeName && isUp(tap);
}

export interface Diagnosis {
  /** The interface is gone, or under another's name that cannot be told apart. */
  readonly isGone: boolean;
  /** The name that somebody gave it. */
  readonly renamed?: string;
  /** Off the bridge, down or without its rules. */
  readonly isUnfit: boolean;
}

export function diagnose({ links, chains }: Inspection, port: AttachedLink): Diagnosis {
  const link = links.find(({ ifindex }) => ifindex === port.index);
  if (link === undefined) return { isGone: true, isUnfit: false };
  const name = port.rules.port;
  const isUnfit = link.master !== bridgeName || !chains.has(name) || (port.isOpen && !isUp(link));
  return link.ifname === name
    ? { isGone: false, isUnfit }
    : { isGone: false, isUnfit: true, renamed: link.ifname };
}

export function isUp({ flags }: Link): boolean {
  return flags.includes("UP");
}
