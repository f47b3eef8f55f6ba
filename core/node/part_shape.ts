/**
 * Whether what a plugin made can be called as its slot will be. A plugin may be JavaScript of somebody else's, which no
 * compiler has seen: without this check it would fail at the first packet, in words that name nobody.
 */
import { MeshError } from "../contracts/errors.ts";
import type { PluginLabel, SlotName, Slots } from "../contracts/plugin.ts";
import type { LinkPort } from "../contracts/port.ts";
import type { Datagrams, StreamDatagrams, Streams } from "../contracts/transport.ts";

/** What every part of the slot has. What some have, and others not, is looked for where it is used. */
const methods: { readonly [K in SlotName]: readonly (keyof Slots[K] & string)[] } = {
  store: ["get", "entries", "commit"],
  transport: [],
  encapsulation: [
    ...["connect", "forget", "disconnect", "seal"] as const,
    ...["handleDatagram", "handleTimeout", "pollTimeout", "poll"] as const,
  ],
  discovery: ["announce", "watch", "targets"],
  ipam: ["ranges", "allocate", "claim", "release", "leases"],
  policy: ["evaluate", "gate", "forget", "epoch"],
  port: ["deliver", "receive", "attach", "detach", "attached"],
  coordinator: ["lead", "leader"],
  names: ["register", "withdraw", "lookup", "reverse", "records"],
};

const datagramMethods: readonly (keyof Datagrams)[] = ["localEndpoints", "send", "receive"];
const streamMethods: readonly (keyof Streams)[] = ["localEndpoints", "dial", "accept", "disconnect"];
const streamDatagramMethods: readonly (keyof StreamDatagrams)[] = ["open", "send", "receive"];
const linkMethods: readonly (keyof LinkPort)[] = [
  ...["locate", "watch", "look", "remains", "forgetRemains", "reset"] as const,
];
const routeMethods: readonly (keyof Slots["ipam"]["routes"])[] = [
  "routes",
  "version",
  "credentials",
  "learn",
];

/** Throws `PLUGIN_FAILED` naming the plugin and all that it lacks. */
export function assertShape(plugin: PluginLabel, part: unknown): void {
  const missing = lacking(plugin.slot, part);
  if (missing.length === 0) return;
  throw new MeshError(
    "PLUGIN_FAILED",
    `The ${plugin.slot} plugin "${plugin.name}" has no ${missing.join(", no ")}`,
    {
      details: { plugin: plugin.name, slot: plugin.slot, missing },
    },
  );
}

function lacking(slot: SlotName, part: unknown): readonly string[] {
  if (typeof part !== "object" || part === null) return ["object: its create() returned none"];
  const { datagrams, streams, streamDatagrams, routes, overhead, fixedPeers } = part as Record<
    string,
    unknown
  >;
  return [
    ...without(part, methods[slot]),
    ...(slot === "transport" && datagrams !== undefined
      ? without(datagrams, datagramMethods, "datagrams.")
      : []),
    ...(slot === "transport" && streams !== undefined ? without(streams, streamMethods, "streams.") : []),
    ...(slot === "transport" && streamDatagrams !== undefined
      ? without(streamDatagrams, streamDatagramMethods, "streamDatagrams.")
      : []),
    ...(slot === "ipam" ? without(routes, routeMethods, "routes.") : []),
    ...(slot === "port" && "locate" in part ? without(part, linkMethods) : []),
    ...(slot === "encapsulation" && !isOverhead(overhead) ? ["overhead of 4 and 6"] : []),
    ...(slot === "encapsulation" && "fixedPeers" in part && !Array.isArray(fixedPeers)
      ? ["list of fixedPeers"]
      : []),
  ];
}

function without(part: unknown, names: readonly string[], prefix = ""): readonly string[] {
  const held = (part ?? {}) as Record<string, unknown>;
  return names.filter((name) => typeof held[name] !== "function").map((name) => `${prefix}${name}()`);
}

function isOverhead(value: unknown): boolean {
  const { 4: four, 6: six } = (value ?? {}) as Record<number, unknown>;
  return Number.isSafeInteger(four) && Number.isSafeInteger(six);
}
