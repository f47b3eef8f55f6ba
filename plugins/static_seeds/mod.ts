/**
 * Discovery from a list: the endpoints in the configuration, and those that the operator adds while the node runs.
 *
 * ```ts
 * import { staticSeeds } from "./mod.ts";
 *
 * const plugin = staticSeeds({ seeds: ["198.51.100.7:6783", "mesh.example.net:6783"] });
 * console.log(plugin.slot, plugin.name); // discovery static_seeds
 * ```
 */
import { z } from "zod";
import { definePlugin, type Plugin } from "../../core/contracts/plugin.ts";
import type { NamedEndpoint } from "../../core/wire/named_endpoint.ts";
import { parseNamedEndpoint } from "../../core/wire/named_endpoint.ts";
import { maxTargets, type SeedsHost, StaticSeeds } from "./static_seeds.ts";

const seed = z.string().refine((text) => parseNamedEndpoint(text) !== undefined, {
  error: ({ input }) => `expected host:port or [IPv6]:port, got ${JSON.stringify(input)}`,
});

const config = z.strictObject({
  seeds: z.array(seed).max(maxTargets).default([]).describe("Where to find peers: host:port or [IPv6]:port."),
});

type Options = z.input<typeof config>;

export const staticSeeds = definePlugin<"discovery", Options, z.output<typeof config>, SeedsHost>({
  slot: "discovery",
  name: "static_seeds",
  config,
  create: ({ seeds }, host) => new StaticSeeds(seeds.map(namedSeed), host),
});

/**
 * With a list of this very start beside the seeds. One that is not that of the last start forgets what the operator has
 * done since; undefined goes on with that of the last start.
 */
export function staticSeedsGiven(
  options: Options,
  given: readonly NamedEndpoint[] | undefined,
): Plugin<"discovery", SeedsHost> {
  const { seeds = [] } = options;
  return {
    ...staticSeeds(options),
    create: (host) => new StaticSeeds(seeds.map(namedSeed), host, given),
  };
}

/** The schema has let it pass. */
function namedSeed(text: string): NamedEndpoint {
  return parseNamedEndpoint(text)!;
}
