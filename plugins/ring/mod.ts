/**
 * Addresses by grants: the founder owns the network's ranges and passes parts of them on, who has got some passes on
 * parts of those, and what everybody owns is at the same time the routing table.
 *
 * ```ts
 * import { ring } from "./mod.ts";
 *
 * const plugin = ring({ range: "10.32.0.0/12", block: 20 });
 * console.log(plugin.slot, plugin.name); // ipam ring
 * ```
 */
import { z } from "zod";
import { definePlugin } from "../../core/contracts/plugin.ts";
import { parsePrefix } from "../../core/wire/prefix.ts";
import { parseSubnets } from "./default_subnets.ts";
import { RingIpam } from "./ring_ipam.ts";
import type { RingHost } from "./ring_host.ts";

/** A /48 holds 65,536 of them: one for each of as many nodes. */
const ipv6Block = 64;

const range = z.string().refine((text) => {
  const prefix = parsePrefix(text);
  return prefix?.address.family === 4 && prefix.bits >= 8 && prefix.bits <= 28;
}, { error: ({ input }) => `expected an IPv4 CIDR of /8 to /28, got ${JSON.stringify(input)}` });

const subnets = z.string().refine((text) => parseSubnets(text) !== undefined, {
  error: ({ input }) =>
    `expected a CIDR, or one of each family with a comma between them, got ${JSON.stringify(input)}`,
});

const config = z.strictObject({
  range: range.default("10.32.0.0/12")
    .describe("IPv4 range of a network that this node founds; an existing network keeps its own."),
  defaultSubnet: subnets.optional().describe(
    "Subnet of the addresses of who asks for none, or one of each family: 10.32.64.0/18,fd12::/64; the whole range by default.",
  ),
  block: z.int().min(9).max(30).default(20)
    .describe("Prefix length of the largest IPv4 block that this node gives to another at once."),
  quarantineSeconds: z.number().min(0).max(86_400).default(60)
    .describe("How long a released address rests before anyone gets it again."),
});

export const ring = definePlugin({
  slot: "ipam",
  name: "ring",
  config,
  create: ({ range, defaultSubnet, block, quarantineSeconds }, host: RingHost) =>
    new RingIpam({
      range: parsePrefix(range)!,
      block: { 4: block, 6: ipv6Block },
      quarantine: 1000 * quarantineSeconds,
      ...defaultSubnet !== undefined && { defaultSubnets: parseSubnets(defaultSubnet)! },
    }, host),
});
