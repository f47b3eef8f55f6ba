/** Turns a composition into parts: created in slot order, so that the stack disposes them in the exact reverse. */
import type { Coordinator } from "../contracts/coordinator.ts";
import type { Discovery } from "../contracts/discovery.ts";
import type { Encapsulation, FixedPeers, Joining } from "../contracts/encapsulation.ts";
import { MeshError } from "../contracts/errors.ts";
import type { Host } from "../contracts/host.ts";
import type { DefaultSubnets, Ipam, IpamReport, LeaseTransfer } from "../contracts/ipam.ts";
import type { Lifecycle } from "../contracts/lifecycle.ts";
import type { Names } from "../contracts/names.ts";
import type { Plugin, PluginLabel } from "../contracts/plugin.ts";
import type { Policy } from "../contracts/policy.ts";
import type { Port } from "../contracts/port.ts";
import type { Datagrams, StreamDatagrams, Streams, Transport } from "../contracts/transport.ts";
import type { BesideEncapsulation, Composition } from "./composition.ts";
import { carriesNotes } from "./note_carrier.ts";
import type { PartStack } from "./part_stack.ts";
import { PortSet } from "./port_set.ts";

export interface NodeParts {
  readonly transports: readonly (Transport & Lifecycle)[];
  /** Of the first transport that has them: the encapsulation's. */
  readonly datagrams: Datagrams;
  /** Of every transport that has them, in order. */
  readonly streams: readonly Streams[];
  /** Of the first transport that has them: for places that do not answer its datagrams. */
  readonly streamDatagrams: StreamDatagrams | undefined;
  readonly encapsulation: Encapsulation & Joining & Lifecycle;
  readonly beside: readonly BesidePart[];
  readonly discovery: readonly (Discovery & Lifecycle)[];
  readonly ipam: Ipam & Partial<IpamReport & LeaseTransfer & DefaultSubnets> & Lifecycle;
  readonly policy: Policy & Lifecycle;
  readonly ports: readonly (Port & Lifecycle)[];
  /** All of them as one. */
  readonly port: PortSet;
  readonly coordinator: (Coordinator & Lifecycle) | undefined;
  readonly names: (Names & Lifecycle) | undefined;
}

/** An encapsulation beside the main one, and what it runs over. */
export interface BesidePart {
  readonly over: Transport & Lifecycle;
  readonly datagrams: Datagrams;
  readonly encapsulation: Encapsulation & FixedPeers & Lifecycle;
}

/** All slots but the store, which had to be there before. Throws `PLUGIN_FAILED`, or `UNSUPPORTED` for a wrong choice. */
export function createParts(
  plugins: Composition,
  stack: PartStack,
  hostFor: (plugin: string) => Host,
): NodeParts {
  const listed = transportsOf(plugins);
  const transports = createTransports(listed, stack, hostFor);
  const under = (plugins.beside ?? []).map(({ over }) =>
    stack.create(over, withoutDatapath(hostFor(over.name)))
  );
  const encapsulation = stack.create(plugins.encapsulation, hostFor(plugins.encapsulation.name));
  const beside = (plugins.beside ?? []).map((each, index) =>
    besidePart(each, under[index]!, stack.create(each.encapsulation, hostFor(each.encapsulation.name)))
  );
  const behind = carriesNotes(encapsulation) ? hostFor : (plugin: string) => withoutNotes(hostFor(plugin));
  const discovery = plugins.discovery.map((plugin) => stack.create(plugin, behind(plugin.name)));
  const ipam = stack.create(plugins.ipam, hostFor(plugins.ipam.name));
  const policy = stack.create(plugins.policy, hostFor(plugins.policy.name));
  const ports = portsOf(plugins).map((plugin) => stack.create(plugin, hostFor(plugin.name)));
  const coordinator = plugins.coordinator &&
    stack.create(plugins.coordinator, hostFor(plugins.coordinator.name));
  const names = plugins.names && stack.create(plugins.names, hostFor(plugins.names.name));
  return {
    transports,
    datagrams: transports.find(({ datagrams }) => datagrams)?.datagrams ?? lacking(listed, "datagrams"),
    streams: transports.flatMap(({ streams }) => streams ?? []),
    streamDatagrams: transports.find(({ streamDatagrams }) => streamDatagrams)?.streamDatagrams,
    encapsulation: canJoin(encapsulation) ? encapsulation : lacking([plugins.encapsulation], "joining"),
    beside,
    discovery,
    ipam,
    policy,
    ports,
    port: new PortSet(ports),
    coordinator,
    names,
  };
}

/**
 * The data path reads one socket. Were it another one than that of the encapsulation whose sessions it shares, what peers
 * send would come to this thread, which does not open it, and what they are sent would come from a port they do not know.
 */
function createTransports(
  plugins: readonly Plugin<"transport">[],
  stack: PartStack,
  hostFor: (plugin: string) => Host,
): (Transport & Lifecycle)[] {
  let isFound = false;
  return plugins.map((plugin) => {
    const host = hostFor(plugin.name);
    const part = stack.create(plugin, isFound ? withoutDatapath(host) : host);
    isFound ||= part.datagrams !== undefined;
    return part;
  });
}

function withoutDatapath({ datapath: _, ...host }: Host): Host {
  return host;
}

function withoutNotes({ notes: _, ...host }: Host): Host {
  return host;
}

/** What happens between the slots. */
export interface Milestones {
  /** There is something to reach members with. */
  join(): Promise<void>;
  /**
   * There is something to tell members, and to judge their packets by. Handshakes go on while the ports start, which takes
   * as long as the host's tools do.
   */
  dial(): void;
}

/** Start order is the order of the slots. */
export async function startParts(
  plugins: Composition,
  parts: NodeParts,
  stack: PartStack,
  { join, dial }: Milestones,
): Promise<void> {
  const beside = plugins.beside ?? [];
  const { transports } = parts;
  for (const [i, plugin] of transportsOf(plugins).entries()) await stack.start(plugin, transports[i]!);
  for (const [i, { over }] of beside.entries()) await stack.start(over, parts.beside[i]!.over);
  await stack.start(plugins.encapsulation, parts.encapsulation);
  for (const [i, { encapsulation }] of beside.entries()) {
    await stack.start(encapsulation, parts.beside[i]!.encapsulation);
  }
  await join();
  for (const [index, plugin] of plugins.discovery.entries()) {
    await stack.start(plugin, parts.discovery[index]!);
  }
  await stack.start(plugins.ipam, parts.ipam);
  await stack.start(plugins.policy, parts.policy);
  dial();
  for (const [index, plugin] of portsOf(plugins).entries()) await stack.start(plugin, parts.ports[index]!);
  if (plugins.coordinator && parts.coordinator) await stack.start(plugins.coordinator, parts.coordinator);
  if (plugins.names && parts.names) await stack.start(plugins.names, parts.names);
}

function transportsOf({ transport }: Composition): readonly Plugin<"transport">[] {
  return [transport].flat();
}

function portsOf({ port }: Composition): readonly Plugin<"port">[] {
  return [port].flat();
}

function besidePart(
  plugins: BesideEncapsulation,
  over: BesidePart["over"],
  encapsulation: Encapsulation & Lifecycle,
): BesidePart {
  return {
    over,
    datagrams: over.datagrams ?? lacking([plugins.over], "datagrams"),
    encapsulation: hasPeers(encapsulation)
      ? encapsulation
      : lacking([plugins.encapsulation], "peers of its own"),
  };
}

function hasPeers(
  encapsulation: Encapsulation & Lifecycle,
): encapsulation is Encapsulation & FixedPeers & Lifecycle {
  return "fixedPeers" in encapsulation;
}

function canJoin(
  encapsulation: Encapsulation & Lifecycle,
): encapsulation is Encapsulation & Joining & Lifecycle {
  return "join" in encapsulation && "answerJoin" in encapsulation;
}

function lacking(plugins: readonly PluginLabel[], ability: string): never {
  const [first] = plugins;
  if (plugins.length === 1) {
    throw new MeshError(
      "UNSUPPORTED",
      `The ${first!.slot} plugin "${first!.name}" has no ${ability}, which a node needs; choose another`,
    );
  }
  const names = plugins.map(({ name }) => `"${name}"`).join(", ");
  throw new MeshError(
    "UNSUPPORTED",
    `None of the plugins of this node (${names || "none is given"}) has ${ability}; add one that has`,
  );
}
