/**
 * State that ends with the process: for tests, simulations and throw-away nodes.
 *
 * ```ts
 * import { memoryStore } from "./mod.ts";
 *
 * const plugin = memoryStore({ maxBytes: 1_000_000 });
 * console.log(plugin.slot, plugin.name); // store memory_store
 * ```
 */
import { z } from "zod";
import { definePlugin, type Plugin } from "../../core/contracts/plugin.ts";
import { MemoryDisk } from "./disk.ts";

export { type DiskFault, MemoryDisk } from "./disk.ts";
export { MemoryStore } from "./store.ts";

const defaultMaxBytes = 64 * 1024 * 1024;

const config = z.strictObject({
  maxBytes: z.int().min(1).default(defaultMaxBytes).describe(
    "Keys and values together; more is a full disk.",
  ),
});

export const memoryStore = definePlugin({
  slot: "store",
  name: "memory_store",
  config,
  create: ({ maxBytes }) => new MemoryDisk(maxBytes).mount(),
});

/** A store on a disk that the caller keeps, to start a simulated node again on what the last one left. */
export function memoryStoreOn(disk: MemoryDisk): Plugin<"store"> {
  return { slot: "store", name: "memory_store", create: () => disk.mount() };
}
