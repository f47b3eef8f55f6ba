/** The settings that are not a plugin's own, and their JSON Schema. */
import { z } from "zod";
import { aeadPreferences } from "../../core/datapath/aead_choice.ts";
import { mostWorkers } from "../../core/datapath/datapath_limits.ts";
import { parseLoopback } from "../../core/runtime/loopback_endpoint.ts";
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

/** Runs beside the usual discovery unless somebody says which are to be used. */
export const usualBeside = { discovery: "gossip" } as const;

/** Slots that take a list: several ways to move bytes, wrap packets, find peers or reach endpoints, side by side. */
const listSlots: ReadonlySet<string> = new Set(["transport", "encapsulation", "discovery", "port"]);

export function isListSlot(slot: string): boolean {
  return listSlots.has(slot);
}

/** What a plugin that runs beside the main encapsulation runs over when nobody says anything. */
export const defaultOver: Readonly<
  Record<string, Readonly<Record<string, unknown>> & { readonly use: string }>
> = {
  gre_udp: { use: "udp", listen: "[::]:4754" },
};

const nodeName = z.string().refine(
  isNodeName,
  "expected 1 to 63 letters, digits, dots, dashes and underscores",
);
const socketPath = checked(assertSocketPath);
const loopback = checked(parseLoopback);

/** Text that `check` does not throw at; what it says is the problem. */
function checked(check: (text: string) => unknown): z.ZodString {
  return z.string().superRefine((text, context) => {
    try {
      check(text);
    } catch (error) {
      context.addIssue({ code: "custom", message: (error as Error).message });
    }
  });
}

/** A plugin's name, or a module: a path relative to the file, or a package. Its options stand beside `use`. */
const slot = z.looseObject({ use: z.string().min(1).optional() });
/** `over` is the transport of an encapsulation that stands beside the main one. */
const overSlot = slot.extend({ over: slot.optional() });

/** A union cannot tell which of its two forms was meant, so it names both. */
function oneOrList<T extends z.ZodType>(entry: T) {
  const error = "expected a plugin, as `{ use: name }` with its options, or a list of them";
  return z.union([entry, z.array(entry)], { error }).optional();
}

export const settingsSchema = z.strictObject({
  name: nodeName.optional().describe("Name of this node, unique in the network; the host's name by default"),
  network: nodeName.default("selvage").describe("Name of the network that `launch` founds"),
  stateDir: z.string().min(1).describe("Directory of everything this node must remember, mode 0700"),
  discover: z.boolean().default(true).describe(
    "Whether this node sets out for members that it hears of; else for seeds and targets alone",
  ),
  admin: z.strictObject({
    socket: socketPath.describe("Unix socket of the admin API, mode 0600"),
    listen: loopback.optional().describe("Endpoint of this machine on which the admin API is served too"),
    tokenFile: z.string().min(1).optional().describe(
      "File with the token that the admin API asks for there, mode 0600; admin.token in stateDir by default",
    ),
  }),
  log: z.strictObject({
    level: z.enum(["debug", "info", "warn", "error"]).default("info"),
    format: z.enum(["text", "json"]).default("text"),
  }).default({ level: "info", format: "text" }),
  datapath: z.strictObject({
    use: z.enum(["auto", "main"]).default("auto").describe(
      "auto: in host mode a thread of its own carries packets; main: the thread that decides carries them all",
    ),
    workers: z.union([z.literal("auto"), z.int().min(1).max(mostWorkers)], {
      error: `expected auto, or a number from 1 to ${mostWorkers}`,
    }).default("auto").describe(
      "How many such threads; auto: one on up to three processors, else half as many as there are, up to four",
    ),
    realtime: z.enum(["auto", "off"]).default("auto").describe(
      "auto: where it is permitted, and with more processors than threads, they have a real-time priority; off: none",
    ),
    aead: z.enum(aeadPreferences).default("auto").describe(
      "Library that seals packets there; auto: whichever is fastest here",
    ),
    ffi: z.enum(["auto", "koffi", "node:ffi"]).default("auto").describe(
      "How C libraries are called under Node; auto: koffi, or node:ffi where there is none",
    ),
  }).prefault({}),
  store: slot.optional(),
  transport: oneOrList(slot).describe(
    "What carries bytes between hosts: one plugin, or several, of which the first with datagrams carries packets",
  ),
  encapsulation: oneOrList(overSlot).describe(
    "What members speak, and beside it, each over a transport of its own, what other devices speak",
  ),
  discovery: oneOrList(slot).describe(
    "One way to find peers, or several side by side",
  ),
  ipam: slot.optional(),
  policy: slot.optional(),
  port: oneOrList(slot).describe(
    "Where packets enter and leave this host: one plugin in the process, and beside it one of interfaces",
  ),
});

export type Settings = z.infer<typeof settingsSchema>;
export type SlotSetting = z.infer<typeof overSlot>;
