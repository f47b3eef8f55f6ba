/**
 * Composes plugins into a running node. Everything is created, then started, in slot order; a failure at any point
 * unwinds what there is, in reverse, and leaves nothing half-made.
 */
import { MeshError } from "../contracts/errors.ts";
import type { Discovery, EditableTargets } from "../contracts/discovery.ts";
import type { ClosedPort } from "../contracts/exposure.ts";
import type { MeshNode, NodeStatus } from "../contracts/node.ts";
import type { Datagrams } from "../contracts/transport.ts";
import type { PeerId } from "../contracts/values.ts";
import type { BroadcastTree } from "../forwarding/broadcast_tree.ts";
import { Addresses, type AddressParts } from "./addresses.ts";
import type { Member } from "../identity/judgement.ts";
import { foldName } from "../identity/node_name.ts";
import type { Trust } from "../identity/trust.ts";
import type { Bridges } from "./bridges.ts";
import { type Composition, pluginNames } from "./composition.ts";
import { ConnectionNews } from "./connection_news.ts";
import { Endpoints } from "./endpoints.ts";
import { enterNetwork, type Intent } from "./entry.ts";
import { Exposures } from "./exposures.ts";
import { FallbackDatagrams } from "./fallback_datagrams.ts";
import { refuseOverlap } from "./founding_range.ts";
import { LocalNode } from "./local_node.ts";
import { Members } from "./members.ts";
import { Mesh } from "./mesh.ts";
import { NodeContext } from "./node_context.ts";
import { createParts, type NodeParts, startParts } from "./node_parts.ts";
import { outside } from "./outside_datagrams.ts";
import { overlayMtu } from "./overlay_mtu.ts";
import { attachSelf } from "./own_endpoint.ts";
import { PartStack } from "./part_stack.ts";
import { type Platform, platformOf } from "./platform.ts";
import type { PortSet } from "./port_set.ts";
import { livenessOf, type StatusSources } from "./status.ts";
import { waysOf } from "./topology_status.ts";
import { type TokenParts, Tokens } from "./tokens.ts";

/** Where the trees of a node begin. */
export interface BroadcastPlace {
  readonly self: PeerId;
  /** Members with a session now. */
  peers(): readonly PeerId[];
}

export interface NodeOptions {
  readonly plugins: Composition;
  /** What to do when the store holds no network yet; checked against the one it holds. */
  readonly intent: Intent;
  /** Unique in the network; the host's name by default. Fixed once the node has founded or joined. */
  readonly name?: string;
  /** Shown in status. */
  readonly version?: string;
  readonly platform?: Partial<Platform>;
  /** Members that sessions stand with, 64 if absent; all others are called when there is a packet for them. */
  readonly standingSessions?: number;
  /** Sets out for nobody but the targets that the operator has named; who sets out for this node is let in. */
  readonly onlyTargets?: boolean;
  /** Up to how many members all tell their links to all, 500 if absent; a network needs one bound for all of its nodes. */
  readonly linkStateUpTo?: number;
  /** Along which links frames to all go; along trees of the node's own if absent. */
  readonly broadcastTree?: (node: BroadcastPlace) => BroadcastTree;
  /** Of what serves this node, such as its API: closed to the network, as the ports of its transports are. */
  readonly closedPorts?: readonly ClosedPort[];
  /** Ends a start that is under way. A node that is ready is stopped by disposing it. */
  readonly signal?: AbortSignal;
}

/** Longest wait for a range of one's own before the node counts as started without addresses. */
const addressPatienceMillis = 20_000;

/**
 * Starts a node. Resolves when it is a member of its network, its sockets are open and it has its own addresses, or has
 * waited 20 s for them: then it goes on waiting under an alert. Rejects with the {@link MeshError} of whatever failed,
 * after everything that had been started is stopped again.
 */
export async function createNode(options: NodeOptions): Promise<MeshNode> {
  const stopping = new AbortController();
  const stack = new PartStack(stopping.signal);
  const stop = async () => {
    stopping.abort(new MeshError("NOT_RUNNING", "The node is stopping"));
    await stack[Symbol.asyncDispose]();
  };
  const abort = () => stopping.abort(options.signal?.reason);
  options.signal?.addEventListener("abort", abort, { once: true });
  try {
    options.signal?.throwIfAborted();
    return await assemble(options, stack, stopping.signal, stop);
  } catch (error) {
    // What failed first is what the caller can do something about; a part that cannot even stop comes after it.
    await stop().catch((second) => noteFailedStop(options, second));
    throw error;
  } finally {
    options.signal?.removeEventListener("abort", abort);
  }
}

function noteFailedStop({ platform }: NodeOptions, error: unknown): void {
  platform?.log?.log("error", "A part could not be stopped", { error });
}

async function assemble(
  options: NodeOptions,
  stack: PartStack,
  signal: AbortSignal,
  stop: () => Promise<void>,
): Promise<MeshNode> {
  const context = await openContext(options, stack, signal);
  const parts = partsOf(options.plugins, context, stack);
  const mesh = meshOf(context, parts, options);
  const phase: { now: NodeStatus["state"] } = { now: "joining" };
  const { state, platform, events } = context;
  const startedAt = platform.clock.now();
  state.routesFrom(() => parts.ipam.routes.credentials());
  stack.defer(() => mesh.stop());
  await startParts(options.plugins, parts, stack, {
    join: async () => {
      await enter(context, mesh, parts, options.intent);
      phase.now = "starting";
    },
    dial: () => mesh.dial(),
  });
  const exposures = exposuresOf(context, parts, options.closedPorts ?? []);
  const endpoints = endpointsOf(context, parts, exposures);
  const addresses = addressesOf(context, parts, endpoints, (peer) => waysOf(sources)(peer));
  const sources: StatusSources = {
    ...statusSources(options, context, mesh),
    startedAt,
    ...parts,
    phase: () => phase.now,
    host: () => exposures.status(),
    waiting: () => addresses.waiting(),
  };
  const news = new ConnectionNews({ ...sources, events }, signal);
  mesh.start();
  await takeUp({ port: parts.port, endpoints, exposures, bridges: mesh.bridges.bridges }, stack);
  await waitForAddresses(context, parts, mesh);
  phase.now = "ready";
  events.emit("node:ready", { id: state.self.id });
  const admin = adminParts(context, parts, mesh);
  return new LocalNode({
    sources,
    events,
    targets: (parts.discovery as readonly Discovery[]).find(isEditable),
    overlay: parts.port.overlay,
    tokens: new Tokens(admin),
    members: new Members(admin),
    endpoints,
    addresses,
    host: exposures,
    bridges: mesh.bridges.bridges,
    forget: (endpoint) => mesh.forget(endpoint),
    retargeted: () => news.changed(),
    stop: async () => {
      phase.now = "stopping";
      events.emit("node:stopping", {});
      await stop();
    },
  });
}

function meshOf(
  context: NodeContext,
  parts: NodeParts,
  { broadcastTree, ...options }: NodeOptions,
): Mesh {
  const mesh = new Mesh(context, parts, options);
  const { state, connections } = context;
  if (broadcastTree !== undefined) {
    mesh.broadcasts.follow(broadcastTree({ self: state.self.id, peers: () => connections.peers() }));
  }
  return mesh;
}

function packetsOf(
  { datapath, forwarder }: Mesh,
): Pick<StatusSources, "traffic" | "datapath" | "pathOf" | "trafficOf" | "relayedFor"> {
  return {
    traffic: () => datapath.traffic(forwarder.traffic()),
    datapath: () => datapath.status(),
    pathOf: (peer) => datapath.pathOf(peer),
    trafficOf: (peer, here) => datapath.trafficOf(peer, here),
    relayedFor: (peer) => datapath.relayed(peer),
  };
}

/** The last moment at which a network can be refused is before it is founded. */
async function enter(context: NodeContext, mesh: Mesh, parts: NodeParts, intent: Intent): Promise<void> {
  const { found, join } = intent;
  const founds = found !== undefined && join === undefined && !context.state.isMember();
  if (founds) await refuseOverlap(parts.port.link, found, context.signal);
  await enterNetwork({ context, mesh, datagrams: parts.datagrams }, intent);
}

async function openContext(
  options: NodeOptions,
  stack: PartStack,
  signal: AbortSignal,
): Promise<NodeContext> {
  const platform = platformOf(options.platform);
  const { clock, random, log } = platform;
  const { store: plugin } = options.plugins;
  const store = stack.create(plugin, { clock, random, log: log.child(plugin.name) });
  await stack.start(plugin, store);
  return new NodeContext(platform, store, options.name ?? platform.hostname, signal);
}

function partsOf(plugins: Composition, context: NodeContext, stack: PartStack): NodeParts {
  const parts = createParts(plugins, stack, (plugin) => context.hostFor(plugin));
  const datagrams = withFallback(parts, context.platform, stack);
  return { ...parts, datagrams: outside(datagrams, () => context.state.network()?.ranges) };
}

function statusSources({ plugins, version = "0.0.0" }: NodeOptions, context: NodeContext, mesh: Mesh) {
  const { platform, state, connections, drops, alerts } = context;
  return {
    version,
    platform,
    plugins: pluginNames(plugins),
    state,
    connections,
    topology: mesh.topology,
    startedWall: platform.clock.wall(),
    nat: () => mesh.traversal.status(),
    ...packetsOf(mesh),
    drops,
    alerts: () => alerts.list(),
  };
}

function withFallback(parts: NodeParts, { clock, log }: Platform, stack: PartStack): Datagrams {
  const { datagrams: direct, streamDatagrams: streams } = parts;
  if (streams === undefined) return direct;
  const fallback = new FallbackDatagrams({ direct, streams, clock, log: log.child("datagrams") });
  stack.defer(() => fallback.close());
  return fallback;
}

function adminParts({ platform, state, store }: NodeContext, parts: NodeParts, mesh: Mesh): TokenParts {
  return {
    platform,
    state,
    store,
    seeds: () => parts.datagrams.localEndpoints(),
    exclude: (records) => mesh.exclude(records),
  };
}

function exposuresOf(context: NodeContext, parts: NodeParts, served: readonly ClosedPort[]): Exposures {
  const { platform, store, events, alerts, signal } = context;
  return new Exposures({
    ...parts,
    store,
    events,
    alerts,
    signal,
    clock: platform.clock,
    log: platform.log.child("host"),
    mtu: overlayMtu(parts),
    closed: () => [...served, ...portsOf(parts)],
  });
}

/** Where the transports listen. */
function portsOf({ transports, beside }: NodeParts): readonly ClosedPort[] {
  return [...transports, ...beside.map(({ over }) => over)].flatMap(({ datagrams, streams }) => [
    ...(datagrams?.localEndpoints() ?? []).map(({ port }) => ({ protocol: "udp", port }) as const),
    ...(streams?.localEndpoints() ?? []).map(({ port }) => ({ protocol: "tcp", port }) as const),
  ]);
}

function endpointsOf(context: NodeContext, parts: NodeParts, exposures: Exposures): Endpoints {
  const { platform, store, events, state, signal } = context;
  return new Endpoints({
    ...parts,
    store,
    events,
    signal,
    clock: platform.clock,
    log: platform.log.child("endpoints"),
    mtu: overlayMtu(parts),
    name: state.self.name,
    gateways: () => exposures.gateways(),
  });
}

function addressesOf(
  { state, platform, events, signal }: NodeContext,
  { ipam, port, discovery }: NodeParts,
  endpoints: Endpoints,
  wayTo: AddressParts["wayTo"],
): Addresses {
  return new Addresses({
    ipam,
    endpoints,
    events,
    signal,
    wayTo,
    self: state.self.id,
    clock: platform.clock,
    link: port.link,
    member: (nameOrId) => memberCalled(state.trust(), nameOrId),
    nameOf: (peer) => state.peerName(peer),
    livenessOf: (peer) => livenessOf({ discovery }, peer),
  });
}

/** A name counts before an id, which no name looks like. */
function memberCalled(trust: Trust, nameOrId: string): Member | undefined {
  return trust.nameOwner(nameOrId) ?? trust.member(nameOrId as PeerId) ?? shutOut(trust, nameOrId);
}

/** Who was shut out owns its space until it is taken over; of several under one name the id has to be said. */
function shutOut(trust: Trust, name: string): Member | undefined {
  const called = trust.members().filter((member) => foldName(member.name) === foldName(name));
  return called.length === 1 ? called[0] : undefined;
}

interface Attached {
  readonly port: PortSet;
  readonly endpoints: Endpoints;
  readonly exposures: Exposures;
  readonly bridges: Bridges;
}

/** What the last run has left on this host: its own interface first, for whatever nobody takes up is removed. */
async function takeUp({ port, endpoints, exposures, bridges }: Attached, stack: PartStack): Promise<void> {
  port.watch((owner) => {
    exposures.vanished(owner);
    endpoints.vanished(owner);
  });
  exposures.onMove(() => endpoints.reroute());
  stack.defer(() => exposures.settled());
  stack.defer(() => endpoints.settled());
  stack.defer(() => bridges.settled());
  await exposures.restore();
  await Promise.all([endpoints.restore(), exposures.enforce()]);
  // After the endpoints, whose addresses no device may have.
  await bridges.restore();
}

/** The node's own addresses, then the announcement that tells them to all. */
async function waitForAddresses(context: NodeContext, parts: NodeParts, mesh: Mesh): Promise<void> {
  const { state, alerts, platform, signal } = context;
  const attached = attachSelf(
    { ...parts, name: state.self.name, mtu: overlayMtu(parts) },
    signal,
  )
    .then(() => mesh.announce())
    .then(() => alerts.clear("no-address"));
  const patience = Promise.withResolvers<void>();
  const timer = platform.clock.timer(platform.clock.now() + addressPatienceMillis, () => {
    alerts.raise(
      "no-address",
      "no peer has granted this node a range yet; its own addresses are waiting for one",
    );
    patience.resolve();
  });
  try {
    await Promise.race([attached, patience.promise]);
  } finally {
    timer.cancel();
  }
  attached.catch((error) => {
    if (!signal.aborted) alerts.raise("no-address", error instanceof Error ? error.message : String(error));
  });
}

function isEditable(plugin: Discovery): plugin is Discovery & EditableTargets {
  return "addTargets" in plugin && "removeTargets" in plugin;
}
