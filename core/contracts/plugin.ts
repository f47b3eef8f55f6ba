import type { Coordinator } from "./coordinator.ts";
import type { Discovery } from "./discovery.ts";
import type { Encapsulation } from "./encapsulation.ts";
import { MeshError } from "./errors.ts";
import type { Host } from "./host.ts";
import type { Ipam } from "./ipam.ts";
import type { Lifecycle } from "./lifecycle.ts";
import type { Names } from "./names.ts";
import type { Policy } from "./policy.ts";
import type { Port } from "./port.ts";
import type { Schema, SchemaIssue } from "./schema.ts";
import type { Store } from "./store.ts";
import type { Transport } from "./transport.ts";

/** The nine slots, in start order; stop is the exact reverse. */
export interface Slots {
  store: Store;
  transport: Transport;
  encapsulation: Encapsulation;
  discovery: Discovery;
  ipam: Ipam;
  policy: Policy;
  port: Port;
  coordinator: Coordinator;
  names: Names;
}
export type SlotName = keyof Slots;

export const slotOrder: readonly SlotName[] = [
  "store",
  "transport",
  "encapsulation",
  "discovery",
  "ipam",
  "policy",
  "port",
  "coordinator",
  "names",
];

/**
 * What a plugin of a slot may be handed. A store is created before anything that keeps state exists, so it gets only
 * what needs none.
 */
export type HostOf<K extends SlotName> = K extends "store" ? Pick<Host, "clock" | "random" | "log"> : Host;

/** What errors and status call a plugin. */
export interface PluginLabel {
  readonly slot: SlotName;
  readonly name: string;
}

/** A configured plugin: pure until `create`, which the node calls once. */
export interface Plugin<K extends SlotName, H = HostOf<K>> extends PluginLabel {
  readonly slot: K;
  readonly create: (host: H) => Slots[K] & Lifecycle;
}

/** Makes configured plugins; its schema can be printed without making one. */
export interface PluginFactory<K extends SlotName, In, H = HostOf<K>> {
  (input: In): Plugin<K, H>;
  readonly slot: K;
  readonly pluginName: string;
  readonly config: Schema<In, unknown>;
}

/** A factory of whatever slot and options, as a configuration chooses it at run time. */
export interface AnyPluginFactory {
  (input: never): Plugin<SlotName, never>;
  readonly slot: SlotName;
  readonly pluginName: string;
  readonly config: Schema<unknown, unknown>;
}

export interface PluginSpec<K extends SlotName, In, Config, H> {
  readonly slot: K;
  readonly name: string;
  readonly config: Schema<In, Config>;
  readonly create: (config: Config, host: H) => Slots[K] & Lifecycle;
}

/**
 * The one way to make a plugin. The configuration is decoded when the factory is called, so before anything starts; an
 * error names its path: `static_seeds.seeds[0]: expected host:port`. Throws `CONFIG_INVALID`.
 */
export function definePlugin<K extends SlotName, In, Config, H = HostOf<K>>(
  spec: PluginSpec<K, In, Config, H>,
): PluginFactory<K, In, H> {
  const factory = (input: In): Plugin<K, H> => {
    const config = decodeConfig(spec.config, input, spec.name);
    return { slot: spec.slot, name: spec.name, create: (host) => spec.create(config, host) };
  };
  return Object.assign(factory, { slot: spec.slot, pluginName: spec.name, config: spec.config });
}

/** Runs a schema over outside data. Throws `CONFIG_INVALID` naming every offending path under `root`. */
export function decodeConfig<In, Out>(schema: Schema<In, Out>, input: unknown, root: string): Out {
  const result = schema["~standard"].validate(input);
  if (result instanceof Promise) {
    throw new MeshError(
      "CONFIG_INVALID",
      `${root}: the schema is asynchronous; configuration is decoded at once`,
    );
  }
  if (result.issues === undefined) return result.value;
  const problems = result.issues.map((issue) => ({ path: issuePath(root, issue), message: issue.message }));
  const text = problems.map(({ path, message }) => `${path}: ${message}`).join("\n");
  throw new MeshError("CONFIG_INVALID", text, { details: { problems } });
}

function issuePath(root: string, issue: SchemaIssue): string {
  return (issue.path ?? []).reduce<string>((path, step) => {
    const key = typeof step === "object" ? step.key : step;
    return typeof key === "number" ? `${path}[${key}]` : `${path}.${String(key)}`;
  }, root);
}
