/** Turns a composition into parts: created in slot order, so that the stack disposes them in the exact reverse. */
import type { Coordinator } from "../contracts/coordinator.ts";
import type { Discovery } from "../contracts/discovery.ts";
import type { Encapsulation, Joining } from "../contracts/encapsulation.ts";
import { MeshError } from "../contracts/errors.ts";
import type { Host } from "../contracts/host.ts";
import type { Ipam, IpamReport } from "../contracts/ipam.ts";
import type { Lifecycle } from "../contracts/lifecycle.ts";
import type { Names } from "../contracts/names.ts";
import type { PluginLabel } from "../contracts/plugin.ts";
import type { Policy } from "../contracts/policy.ts";
import type { OverlaySockets, Port } from "../contracts/port.ts";
import type { Datagrams, Transport } from "../contracts/transport.ts";
import type { Composition } from "./composition.ts";
import type { PartStack } from "./part_stack.ts";

export interface NodeParts {
  readonly transport: Transport & Lifecycle;
  readonly datagrams: Datagrams;
  readonly encapsulation: Encapsulation & Joining & Lifecycle;
  readonly discovery: readonly (Discovery & Lifecycle)[];
  readonly ipam: Ipam & Partial<IpamReport> & Lifecycle;
  readonly policy: Policy & Lifecycle;
  readonly port: Port & Partial<OverlaySockets> & Lifecycle;
  readonly coordinator: (Coordinator & Lifecycle) | undefined;
  readonly names: (Names & Lifecycle) | undefined;
}

/** All slots but the store, which had to be there before. Throws `PLUGIN_FAILED`, or `UNSUPPORTED` for a wrong choice. */
export function createParts(
  plugins: Composition,
  stack: PartStack,
  hostFor: (plugin: string) => Host,
): NodeParts {
  const transport = stack.create(plugins.transport, hostFor(plugins.transport.name));
  const encapsulation = stack.create(plugins.encapsulation, hostFor(plugins.encapsulation.name));
  const discovery = plugins.discovery.map((plugin) => stack.create(plugin, hostFor(plugin.name)));
  const ipam = stack.create(plugins.ipam, hostFor(plugins.ipam.name));
  const policy = stack.create(plugins.policy, hostFor(plugins.policy.name));
  const port = stack.create(plugins.port, hostFor(plugins.port.name));
  const coordinator = plugins.coordinator &&
    stack.create(plugins.coordinator, hostFor(plugins.coordinator.name));
  const names = plugins.names && stack.create(plugins.names, hostFor(plugins.names.name));
  return {
    transport,
    datagrams: transport.datagrams ?? lacking(plugins.transport, "datagrams"),
    encapsulation: canJoin(encapsulation) ? encapsulation : lacking(plugins.encapsulation, "joining"),
    discovery,
    ipam,
    policy,
    port,
    coordinator,
    names,
  };
}

/** Start order is the order of the slots. `join` runs when there is something to reach members with. */
export async function startParts(
  plugins: Composition,
  parts: NodeParts,
  stack: PartStack,
  join: () => Promise<void>,
): Promise<void> {
  await stack.start(plugins.transport, parts.transport);
  await stack.start(plugins.encapsulation, parts.encapsulation);
  await join();
  for (const [index, plugin] of plugins.discovery.entries()) {
    await stack.start(plugin, parts.discovery[index]!);
  }
  await stack.start(plugins.ipam, parts.ipam);
  await stack.start(plugins.policy, parts.policy);
  await stack.start(plugins.port, parts.port);
  if (plugins.coordinator && parts.coordinator) await stack.start(plugins.coordinator, parts.coordinator);
  if (plugins.names && parts.names) await stack.start(plugins.names, parts.names);
}

function canJoin(
  encapsulation: Encapsulation & Lifecycle,
): encapsulation is Encapsulation & Joining & Lifecycle {
  return "join" in encapsulation && "answerJoin" in encapsulation;
}

function lacking({ slot, name }: PluginLabel, ability: string): never {
  throw new MeshError(
    "UNSUPPORTED",
    `The ${slot} plugin "${name}" has no ${ability}, which a node needs; choose another`,
  );
}
