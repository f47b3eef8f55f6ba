import { type Plugin, type PluginLabel, slotOrder } from "../contracts/plugin.ts";

/**
 * The plugins of one node, by slot. Discovery takes a list, since several ways to find peers help each other; every
 * other slot takes one. `coordinator` and `names` may be left out.
 */
export interface Composition {
  readonly store: Plugin<"store">;
  readonly transport: Plugin<"transport">;
  readonly encapsulation: Plugin<"encapsulation">;
  readonly discovery: readonly Plugin<"discovery">[];
  readonly ipam: Plugin<"ipam">;
  readonly policy: Plugin<"policy">;
  readonly port: Plugin<"port">;
  readonly coordinator?: Plugin<"coordinator">;
  readonly names?: Plugin<"names">;
}

/** Slot → names of its plugins, in start order, for status. */
export function pluginNames(composition: Composition): Record<string, readonly string[]> {
  return Object.fromEntries(slotOrder.map((slot) => {
    const plugins = composition[slot];
    const labels: readonly PluginLabel[] = plugins === undefined ? [] : [plugins].flat();
    return [slot, labels.map(({ name }) => name)];
  }));
}
