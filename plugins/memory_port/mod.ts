/**
 * A port without endpoints behind it: a test sees what is delivered and sends what it likes.
 *
 * ```ts
 * import { memoryPort, PacketTap } from "./mod.ts";
 *
 * const plugin = memoryPort({ tap: new PacketTap() });
 * console.log(plugin.slot, plugin.name); // port memory_port
 * ```
 */
import { z } from "zod";
import { definePlugin } from "../../core/contracts/plugin.ts";
import { MemoryPort } from "./memory_port.ts";
import { PacketTap } from "./packet_tap.ts";

export { PacketTap } from "./packet_tap.ts";

const tap: z.ZodType<PacketTap, PacketTap> = z.any()
  .refine((value) => value instanceof PacketTap, "expected a PacketTap")
  .describe("Where packets are seen and sent, an object: this port cannot be used from a file.");

export const memoryPort = definePlugin({
  slot: "port",
  name: "memory_port",
  config: z.strictObject({ tap }),
  create: ({ tap }) => new MemoryPort(tap),
});
