/** Where a node looks for peers: the configured seeds and the endpoints of the command line, with names resolved. */
import { MeshError } from "../../core/contracts/errors.ts";
import type { Endpoint } from "../../core/contracts/values.ts";
import type { Composition } from "../../core/node/composition.ts";
import { resolveHost } from "../../core/runtime/resolve.ts";
import { formatEndpoint } from "../../core/wire/endpoint.ts";
import { parseSeed, staticSeeds } from "../../plugins/static_seeds/mod.ts";
import type { ResolvedConfig } from "../config/resolve.ts";

/**
 * The configured plugins, with `endpoints` among the seeds. A seed whose name nobody knows now is left out and `warn`
 * hears of it: one dead name must not keep a node from its other peers. Names are resolved at every start and never
 * stored.
 */
export async function withSeeds(
  { plugins, chosen }: ResolvedConfig,
  endpoints: readonly Endpoint[],
  warn: (problem: string) => void,
): Promise<Composition> {
  const lists = chosen.filter(({ slot }) => slot === "discovery");
  const own = lists.findIndex(({ use }) => use === "static_seeds");
  const added = endpoints.map(formatEndpoint);
  const discovery = await Promise.all(lists.map(async ({ use, options }, index) => {
    if (use !== "static_seeds") return plugins.discovery[index]!;
    const configured = await resolveSeeds((options["seeds"] ?? []) as readonly string[], warn);
    return staticSeeds({ ...options, seeds: [...configured, ...index === own ? added : []] });
  }));
  if (own < 0 && added.length > 0) discovery.push(staticSeeds({ seeds: added }));
  return { ...plugins, discovery };
}

async function resolveSeeds(
  seeds: readonly string[],
  warn: (problem: string) => void,
): Promise<readonly string[]> {
  const found = await Promise.all(seeds.map(async (text) => {
    const seed = parseSeed(text);
    if (seed === undefined || seed.isLiteral) return [text];
    try {
      return (await resolveHost(seed.host)).map((host) => formatEndpoint({ host, port: seed.port }));
    } catch (error) {
      warn(error instanceof MeshError ? error.message : String(error));
      return [];
    }
  }));
  return found.flat();
}
