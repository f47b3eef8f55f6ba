/**
 * Datagrams and streams inside one process, for simulations and tests: the network is an object that is handed in.
 *
 * ```ts
 * import { memoryTransport } from "./mod.ts";
 *
 * const network = { bind: () => ({ send: () => 0 as const, close: () => {} }) };
 * const plugin = memoryTransport({ network, endpoint: { host: "192.0.2.1", port: 6783 } });
 * console.log(plugin.slot, plugin.name); // transport memory_transport
 * ```
 */
import { z } from "zod";
import { definePlugin } from "../../core/contracts/plugin.ts";
import { canonicalHost } from "../../core/wire/endpoint.ts";
import type { MemoryNetwork } from "./memory_network.ts";
import type { MemoryStreamsHost } from "./memory_streams.ts";
import { MemoryTransport } from "./memory_transport.ts";

export type {
  MemoryBinding,
  MemoryNetwork,
  MemoryPipe,
  MemoryPipeHandler,
  MemoryPipes,
} from "./memory_network.ts";
export { PipeExchange } from "./pipe_exchange.ts";

const network: z.ZodType<MemoryNetwork, MemoryNetwork> = z.any()
  .refine((value) => typeof value?.bind === "function", "expected a memory network, an object with bind()")
  .describe("The network, an object: this transport cannot be used from a file.");

const config = z.strictObject({
  network,
  endpoint: z.strictObject({
    host: z.string().refine((host) => canonicalHost(host) !== undefined, "expected an IP address"),
    port: z.int().min(1).max(65_535),
  }),
  overTcp: z.enum(["fallback", "never"]).default("never").describe(
    "Whether datagrams that get no answer go through the network's pipes as well.",
  ),
});

export const memoryTransport = definePlugin({
  slot: "transport",
  name: "memory_transport",
  config,
  create: (options, host: MemoryStreamsHost) => new MemoryTransport(options, host),
});
