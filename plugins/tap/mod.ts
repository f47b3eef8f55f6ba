/**
 * Interfaces for containers and for the host itself: network namespaces on a bridge with a TAP device.
 *
 * ```ts
 * import { tap } from "./mod.ts";
 *
 * const plugin = tap({});
 * console.log(plugin.slot, plugin.name); // port tap
 * ```
 */
import { z } from "zod";
import { definePlugin } from "../../core/contracts/plugin.ts";
import { type TapHost, TapPort } from "./tap_port.ts";

const namespace = z.string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/, {
    error: ({ input }) => `expected 1 to 63 letters, digits, "_", "-" and ".", got ${JSON.stringify(input)}`,
  });

/** What Linux takes, less what would be a pattern, an alternative or an option somewhere. */
const interfaceName = z.string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_-]{0,14}$/, {
    error: ({ input }) => `expected 1 to 15 letters, digits, "_" and "-", got ${JSON.stringify(input)}`,
  });

const config = z.strictObject({
  namespace: namespace.default("selvage").describe(
    "Network namespace, below /run/netns, that holds the bridge; one per node of a host.",
  ),
  interface: interfaceName.default("mesh0").describe("Name of the interface that a container gets."),
  hostInterface: interfaceName.default("selvage0").describe("Name of the interface that the host gets."),
});

export const tap = definePlugin({
  slot: "port",
  name: "tap",
  config,
  create: (options, host: TapHost) => new TapPort(options, host),
});
