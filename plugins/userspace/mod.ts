/**
 * A port inside the process: overlay addresses without any privilege, with echo, UDP sockets and `ping`.
 *
 * ```ts
 * import { userspace } from "./mod.ts";
 *
 * const plugin = userspace({});
 * console.log(plugin.slot, plugin.name); // port userspace
 * ```
 */
import { z } from "zod";
import { definePlugin } from "../../core/contracts/plugin.ts";
import { type UserspaceHost, UserspacePort } from "./userspace_port.ts";

export const userspace = definePlugin({
  slot: "port",
  name: "userspace",
  config: z.strictObject({}),
  create: (_config, host: UserspaceHost) => new UserspacePort(host),
});
