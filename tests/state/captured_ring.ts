import type { Plugin } from "../../core/contracts/plugin.ts";
import type { Store } from "../../core/contracts/store.ts";
import { ring } from "../../plugins/ring/mod.ts";
import type { RingIpam } from "../../plugins/ring/ring_ipam.ts";

/** The ring plugin, and what it makes: allocation is no part of a node's own interface. */
export interface CapturedRing {
  readonly plugin: Plugin<"ipam">;
  readonly ipam: () => RingIpam;
  /** The node's own store, as the plugin was handed it. */
  readonly store: () => Store;
}

export function captureRing(): CapturedRing {
  const plugin = ring({});
  let made: { readonly ipam: RingIpam; readonly store: Store } | undefined;
  const create: typeof plugin.create = (host) => {
    const part = plugin.create(host);
    made = { ipam: part as RingIpam, store: host.store };
    return part;
  };
  return { plugin: { ...plugin, create }, ipam: () => made!.ipam, store: () => made!.store };
}
