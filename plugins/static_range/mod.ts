/**
 * Addresses by plan: the operator writes down which node has which ranges, and nothing is ever negotiated.
 *
 * ```ts
 * import { staticRange } from "./mod.ts";
 *
 * const plugin = staticRange({ ranges: { "web-1": "10.32.0.0/24", "web-2": ["10.32.1.0/24"] } });
 * console.log(plugin.slot, plugin.name); // ipam static_range
 * ```
 */
import { z } from "zod";
import { definePlugin } from "../../core/contracts/plugin.ts";
import type { Prefix } from "../../core/contracts/values.ts";
import { parsePrefix } from "../../core/wire/prefix.ts";
import { faultsIn, type RangeTable, type TableFault } from "./plan.ts";
import { type StaticRangeHost, StaticRangeIpam } from "./static_range_ipam.ts";

const network = z.string().refine((text) => {
  const prefix = parsePrefix(text);
  return prefix?.address.family === 4 && prefix.bits >= 8 && prefix.bits <= 28;
}, { error: ({ input }) => `expected an IPv4 CIDR of /8 to /28, got ${JSON.stringify(input)}` });

const texts = z.union([z.string(), z.array(z.string()).min(1)], {
  error: () => "expected a CIDR, or a list of them",
});

const ranges = z.record(z.string().min(1).max(63), texts).transform((given, context): RangeTable => {
  const refuse = ({ path, message }: TableFault) =>
    context.addIssue({ code: "custom", path: [...path], message });
  const table = Object.entries(given).map(([node, each]): [string, Prefix[]] => {
    const prefixes = [each].flat().map((text) => {
      const prefix = parsePrefix(text);
      if (prefix === undefined) {
        refuse({ path: [node], message: `expected a CIDR, got ${JSON.stringify(text.slice(0, 64))}` });
      }
      return prefix;
    });
    return [node, prefixes.filter((prefix) => prefix !== undefined)];
  });
  if (context.issues.length > 0) return z.NEVER;
  for (const fault of faultsIn(Object.fromEntries(table))) refuse(fault);
  return Object.fromEntries(table);
});

const config = z.strictObject({
  range: network.default("10.32.0.0/12")
    .describe("IPv4 range of a network that this node founds; an existing network keeps its own."),
  ranges: ranges.describe("Name of a node → its ranges, the same on every node: a CIDR, or a list of them."),
  quarantineSeconds: z.number().min(0).max(86_400).default(60)
    .describe("How long a released address rests before anyone gets it again."),
});

export const staticRange = definePlugin({
  slot: "ipam",
  name: "static_range",
  config,
  create: ({ range, ranges, quarantineSeconds }, host: StaticRangeHost) =>
    new StaticRangeIpam({
      range: parsePrefix(range)!,
      table: ranges,
      quarantine: 1000 * quarantineSeconds,
    }, host),
});
