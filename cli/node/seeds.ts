/** Where a node looks for peers: the configured seeds and the endpoints of the command line. */
import type { Composition } from "../../core/node/composition.ts";
import type { NamedEndpoint } from "../../core/wire/named_endpoint.ts";
import { staticSeedsGiven } from "../../plugins/static_seeds/mod.ts";
import type { ResolvedConfig } from "../config/resolve.ts";

/** The configured plugins, with the list of this start beside the seeds; undefined is the list of the last start. */
export function withSeeds(
  { plugins, chosen }: Pick<ResolvedConfig, "plugins" | "chosen">,
  given: readonly NamedEndpoint[] | undefined,
): Composition {
  const lists = chosen.filter(({ slot }) => slot === "discovery");
  const own = lists.findIndex(({ use }) => use === "static_seeds");
  const discovery = plugins.discovery.map((plugin, index) =>
    index === own ? staticSeedsGiven(lists[own]!.options, given) : plugin
  );
  if (own < 0 && given !== undefined && given.length > 0) discovery.push(staticSeedsGiven({}, given));
  return { ...plugins, discovery };
}
