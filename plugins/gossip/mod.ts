/**
 * Discovery `gossip`: members watch over each other, so that all know within seconds who is gone and who is back.
 *
 * ```ts
 * import { gossip } from "./mod.ts";
 *
 * const plugin = gossip({});
 * console.log(plugin.slot, plugin.name); // discovery gossip
 * ```
 */
import { z } from "zod";
import { definePlugin } from "../../core/contracts/plugin.ts";
import { Gossip, type GossipHost } from "./gossip.ts";
import { defaultOptions } from "./options.ts";

const hour = 3_600_000;

const config = z.strictObject({
  beatMillis: z.int().min(1_000).max(60_000).default(defaultOptions.beat).describe(
    "Time between two signs of life on one link. The same in all nodes: who beats more seldom is suspected.",
  ),
  tombstoneHours: z.int().min(1).max(600).default(defaultOptions.tombstone / hour).describe(
    "For how long the dead are called, in case that a partition ends.",
  ),
});

export const gossip = definePlugin<
  "discovery",
  z.input<typeof config>,
  z.output<typeof config>,
  GossipHost
>({
  slot: "discovery",
  name: "gossip",
  config,
  create: ({ beatMillis, tombstoneHours }, host) =>
    new Gossip(host, { beat: beatMillis, tombstone: tombstoneHours * hour }),
});
