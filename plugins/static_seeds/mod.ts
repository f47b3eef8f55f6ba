/**
 * Discovery from a list: the endpoints in the configuration, and those that the operator adds while the node runs.
 *
 * ```ts
 * import { staticSeeds } from "./mod.ts";
 *
 * const plugin = staticSeeds({ seeds: ["198.51.100.7:6783", "[2001:db8::7]:6783"] });
 * console.log(plugin.slot, plugin.name); // discovery static_seeds
 * ```
 */
import { z } from "zod";
import type { Host } from "../../core/contracts/host.ts";
import { definePlugin } from "../../core/contracts/plugin.ts";
import { parseSeed } from "./seed.ts";
import { maxTargets, StaticSeeds } from "./static_seeds.ts";

export { parseSeed, type Seed } from "./seed.ts";

const seed = z.string().refine((text) => parseSeed(text) !== undefined, {
  error: ({ input }) => `expected host:port or [IPv6]:port, got ${JSON.stringify(input)}`,
});

const config = z.strictObject({
  seeds: z.array(seed).max(maxTargets).default([]).describe("Where to find peers: host:port or [IPv6]:port."),
});

export const staticSeeds = definePlugin({
  slot: "discovery",
  name: "static_seeds",
  config,
  create: ({ seeds }, host: Pick<Host, "store" | "log">) =>
    new StaticSeeds(seeds.map((text) => parseSeed(text)!), host.store, host.log),
});
