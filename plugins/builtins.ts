/** The plugins that a configuration may name without a path: an explicit list, no registration by import. */
import type { AnyPluginFactory } from "../core/contracts/plugin.ts";
import { allowAll } from "./allow_all/mod.ts";
import { gossip } from "./gossip/mod.ts";
import { greUdp } from "./gre_udp/mod.ts";
import { memoryStore } from "./memory_store/mod.ts";
import { noise } from "./noise/mod.ts";
import { ring } from "./ring/mod.ts";
import { sqlite } from "./sqlite/mod.ts";
import { staticRange } from "./static_range/mod.ts";
import { staticSeeds } from "./static_seeds/mod.ts";
import { tap } from "./tap/mod.ts";
import { tcp } from "./tcp/mod.ts";
import { udp } from "./udp/mod.ts";
import { userspace } from "./userspace/mod.ts";

const factories: readonly AnyPluginFactory[] = [
  allowAll,
  gossip,
  greUdp,
  memoryStore,
  noise,
  ring,
  sqlite,
  staticRange,
  staticSeeds,
  tap,
  tcp,
  udp,
  userspace,
];

export const builtins: Readonly<Record<string, AnyPluginFactory>> = Object.fromEntries(
  factories.map((factory) => [factory.pluginName, factory]),
);
