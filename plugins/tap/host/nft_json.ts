/** The JSON of nftables (libnftables-json(5)), as far as the host's rules need it. Data in, data out. */
import { z } from "zod";
import type { Address, Prefix } from "../../../core/contracts/values.ts";
import { formatAddress } from "../../../core/wire/address.ts";

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type Statement = { readonly [key: string]: Json };
/** One change: `{ "add": { … } }`. */
export type NftCommand = { readonly [verb: string]: Json };

/** Who a chain is. */
export interface ChainName {
  readonly family: string;
  readonly table: string;
  readonly name: string;
}

/** What `nft -j -f -` takes: all of it happens, or nothing. */
export function nftDocument(commands: readonly NftCommand[]): string {
  return JSON.stringify({ nftables: commands });
}

export function ruleIn(
  { family, table, name }: ChainName,
  expr: readonly Statement[],
  comment?: string,
): Json {
  return { rule: { family, table, chain: name, expr, ...comment !== undefined && { comment } } };
}

export function meta(key: string, right: Json, op: "==" | "!=" = "=="): Statement {
  return { match: { op, left: { meta: { key } }, right } };
}

/** `field` of the header that the addresses of the family are in. */
export function ip(field: "saddr" | "daddr", prefix: Prefix, op: "==" | "!=" = "=="): Statement {
  const { address, bits } = prefix;
  const right = { prefix: { addr: formatAddress(address), len: bits } };
  return { match: { op, left: { payload: { protocol: ipName(address.family), field } }, right } };
}

/** `addresses` are of one family, and not none. */
export function ipAmong(field: "saddr" | "daddr", addresses: readonly Address[]): Statement {
  const left = { payload: { protocol: ipName(addresses[0]!.family), field } };
  return { match: { op: "==", left, right: { set: addresses.map(formatAddress) } } };
}

export function port(
  protocol: string,
  ports: readonly number[],
  field: "dport" | "sport" = "dport",
): Statement {
  const right = ports.length === 1 ? ports[0]! : { set: ports };
  return { match: { op: "==", left: { payload: { protocol, field } }, right } };
}

/** Addresses of the host itself. */
export const toThisHost: Statement = {
  match: { op: "==", left: { fib: { result: "type", flags: ["daddr"] } }, right: "local" },
};

/** Connections whose destination was translated. */
export const translated: Statement = {
  match: { op: "in", left: { ct: { key: "status" } }, right: "dnat" },
};

export const accept: Statement = { accept: null };
export const drop: Statement = { drop: null };
export const leave: Statement = { return: null };

export function ipName(family: 4 | 6): "ip" | "ip6" {
  return family === 4 ? "ip" : "ip6";
}

const chain = z.object({
  family: z.string(),
  table: z.string(),
  name: z.string(),
  handle: z.number(),
  hook: z.string().optional(),
  policy: z.string().optional(),
});

const rule = z.object({
  handle: z.number(),
  comment: z.string().optional(),
  expr: z.array(z.record(z.string(), z.unknown())).default([]),
});

export type Chain = z.infer<typeof chain>;
export type Rule = z.infer<typeof rule>;

const listing = z.object({
  nftables: z.array(z.object({ chain: chain.optional(), rule: rule.optional() })),
});

/** Chains and rules of what `nft -j list` has printed, in its order; nothing for no text. */
export function parseListing(
  json: string,
): { readonly chains: readonly Chain[]; readonly rules: readonly Rule[] } {
  if (json.trim() === "") return { chains: [], rules: [] };
  const { nftables } = listing.parse(JSON.parse(json));
  return {
    chains: nftables.flatMap((each) => each.chain ?? []),
    rules: nftables.flatMap((each) => each.rule ?? []),
  };
}

/** The same for two listings of the same rules: without handles, of which every transaction makes new ones. */
export function withoutHandles(json: string): string {
  return json.trim() === ""
    ? ""
    : JSON.stringify(JSON.parse(json), (key, value) => key === "handle" ? undefined : value);
}
