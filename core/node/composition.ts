import { type Plugin, type PluginLabel, type SlotName, slotOrder } from "../contracts/plugin.ts";

/**
 * The plugins of one node, by slot. Discovery takes a list, since several ways to find peers help each other, and so may
 * the transport and the port; every other slot takes one. `coordinator` and `names` may be left out.
 */
export interface Composition {
  readonly store: Plugin<"store">;
  /** Of several, the first that has datagrams carries `encapsulation`; streams are taken of each that has them. */
  readonly transport: Plugin<"transport"> | readonly Plugin<"transport">[];
  /** What members speak to each other, and strangers with a token knock at. */
  readonly encapsulation: Plugin<"encapsulation">;
  /** For devices that are no members and speak another one. */
  readonly beside?: readonly BesideEncapsulation[];
  readonly discovery: readonly Plugin<"discovery">[];
  readonly ipam: Plugin<"ipam">;
  readonly policy: Plugin<"policy">;
  /** One inside the process, where the node's own addresses are; beside it one of links, for namespaces of this host. */
  readonly port: Plugin<"port"> | readonly Plugin<"port">[];
  readonly coordinator?: Plugin<"coordinator">;
  readonly names?: Plugin<"names">;
}

/**
 * An encapsulation with peers of its own. Each over a transport of its own: two protocols on one socket would have to be
 * told apart by their first bytes, which neither of them has promised.
 */
export interface BesideEncapsulation {
  readonly encapsulation: Plugin<"encapsulation">;
  readonly over: Plugin<"transport">;
}

/** Slot → names of its plugins, in start order, for status. */
export function pluginNames(composition: Composition): Record<string, readonly string[]> {
  return Object.fromEntries(
    slotOrder.map((slot) => [slot, pluginsOf(composition, slot).map(({ name }) => name)]),
  );
}

function pluginsOf(composition: Composition, slot: SlotName): readonly PluginLabel[] {
  const plugins = composition[slot];
  const main: readonly PluginLabel[] = plugins === undefined ? [] : [plugins].flat();
  const beside = composition.beside ?? [];
  if (slot === "transport") return [...main, ...beside.map(({ over }) => over)];
  return slot === "encapsulation" ? [...main, ...beside.map(({ encapsulation }) => encapsulation)] : main;
}
