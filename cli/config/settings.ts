/** The settings that are not a plugin's own, and their JSON Schema. */
import { z } from "zod";
import { assertSocketPath } from "../../core/runtime/unix_socket_path.ts";
import { isNodeName } from "../../core/identity/node_name.ts";
import type { SlotName } from "../../core/contracts/plugin.ts";

/** Slots that a configuration file chooses a plugin for. */
export const configurableSlots = [
  "store",
  "transport",
  "encapsulation",
  "discovery",
  "ipam",
  "policy",
  "port",
] as const satisfies readonly SlotName[];
export type ConfigurableSlot = (typeof configurableSlots)[number];

/** What `use` is when nobody says anything. */
export const defaultPlugins: Readonly<Record<ConfigurableSlot, string>> = {
  store: "sqlite",
  transport: "udp",
  encapsulation: "noise",
  discovery: "static_seeds",
  ipam: "ring",
  policy: "allow_all",
  port: "userspace",
};

const nodeName = z.string().refine(
  isNodeName,
  "expected 1 to 63 letters, digits, dots, dashes and underscores",
);
const socketPath = z.string().superRefine((path, context) => {
  try {
    assertSocketPath(path);
  } catch (error) {
    context.addIssue({ code: "custom", message: (error as Error).message });
  }
});
/** A plugin's name, or a module: a path relative to the file, or a package. Its options stand beside `use`. */
const slot = z.looseObject({ use: z.string().min(1).optional() });

export const settingsSchema = z.strictObject({
  name: nodeName.optional().describe("Name of this node, unique in the network; the host's name by default"),
  network: nodeName.default("selvage").describe("Name of the network that `launch` founds"),
  stateDir: z.string().min(1).describe("Directory of everything this node must remember, mode 0700"),
  admin: z.strictObject({ socket: socketPath.describe("Unix socket of the admin API, mode 0600") }),
  log: z.strictObject({
    level: z.enum(["debug", "info", "warn", "error"]).default("info"),
    format: z.enum(["text", "json"]).default("text"),
  }).default({ level: "info", format: "text" }),
  store: slot.optional(),
  transport: slot.optional(),
  encapsulation: slot.optional(),
  discovery: z.union([slot, z.array(slot)]).optional().describe(
    "One way to find peers, or several side by side",
  ),
  ipam: slot.optional(),
  policy: slot.optional(),
  port: slot.optional(),
});

export type Settings = z.infer<typeof settingsSchema>;
export type SlotSetting = z.infer<typeof slot>;
