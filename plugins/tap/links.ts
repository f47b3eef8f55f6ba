import { z } from "zod";

/** An interface as `ip -j link` lists it; the names of the fields are that program's. */
const link = z.object({
  ifindex: z.number(),
  ifname: z.string(),
  flags: z.array(z.string()).default([]),
  master: z.string().optional(),
  /** Of the other end of a pair, when that is in another namespace. */
  link_index: z.number().optional(),
  mtu: z.number().optional(),
  ifalias: z.string().optional(),
  linkinfo: z.object({
    info_kind: z.string().optional(),
    info_slave_data: z.object({ hairpin: z.boolean().optional() }).optional(),
  }).optional(),
});

export type Link = z.infer<typeof link>;

/** Programs of some versions print an empty object per interface that a filter leaves out. */
const links = z.array(z.union([link, z.object({}).transform(() => undefined)]));

/** Throws for anything but that program's output, which is a change of the program. */
export function parseLinks(json: string): readonly Link[] {
  return links.parse(JSON.parse(json)).filter((entry) => entry !== undefined);
}

const counters = z.object({
  nftables: z.array(z.object({ counter: z.object({ name: z.string(), packets: z.number() }).optional() })),
});

/** Packets by name of the counter, of `nft -j list counters`. */
export function parseCounters(json: string): ReadonlyMap<string, number> {
  const found = counters.parse(JSON.parse(json)).nftables.flatMap(({ counter }) => counter ?? []);
  return new Map(found.map(({ name, packets }) => [name, packets]));
}

const chains = z.object({
  nftables: z.array(z.object({ chain: z.object({ name: z.string(), table: z.string() }).optional() })),
});

/** Names of the chains of one table, of `nft -j list chains`. */
export function parseChains(json: string, table: string): ReadonlySet<string> {
  const found = chains.parse(JSON.parse(json)).nftables.flatMap(({ chain }) => chain ?? []);
  return new Set(found.filter((chain) => chain.table === table).map(({ name }) => name));
}
