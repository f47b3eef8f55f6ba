/**
 * Composes plugins into a running node. Everything is created, then started, in slot order; a failure at any point
 * unwinds what there is, in reverse, and leaves nothing half-made.
 */
import { MeshError } from "../contracts/errors.ts";
import type { Discovery, EditableTargets } from "../contracts/discovery.ts";
import type { MeshNode, NodeStatus } from "../contracts/node.ts";
import type { OverlaySockets } from "../contracts/port.ts";
import { type Composition, pluginNames } from "./composition.ts";
import { enterNetwork, type Intent } from "./entry.ts";
import { LocalNode } from "./local_node.ts";
import { Members } from "./members.ts";
import { Mesh } from "./mesh.ts";
import { NodeContext } from "./node_context.ts";
import { createParts, type NodeParts, startParts } from "./node_parts.ts";
import { overlayMtu } from "./overlay_mtu.ts";
import { attachSelf } from "./own_endpoint.ts";
import { PartStack } from "./part_stack.ts";
import { type Platform, platformOf } from "./platform.ts";
import type { StatusSources } from "./status.ts";
import { Tokens } from "./tokens.ts";

export interface NodeOptions {
  readonly plugins: Composition;
  /** What to do when the store holds no network yet; checked against the one it holds. */
  readonly intent: Intent;
  /** Unique in the network; the host's name by default. Fixed once the node has founded or joined. */
  readonly name?: string;
  /** Shown in status. */
  readonly version?: string;
  readonly platform?: Partial<Platform>;
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
  const parts = createParts(options.plugins, stack, (plugin) => context.hostFor(plugin));
  const mesh = new Mesh(context, parts);
  const phase: { now: NodeStatus["state"] } = { now: "joining" };
  const { state, platform, events } = context;
  const startedAt = platform.clock.now();
  state.routesFrom(() => parts.ipam.routes.credentials());
  stack.defer(() => mesh.stop());
  await startParts(options.plugins, parts, stack, async () => {
    await enterNetwork({ context, mesh, datagrams: parts.datagrams }, options.intent);
    phase.now = "starting";
  });
  const sources: StatusSources = {
    version: options.version ?? "0.0.0",
    platform,
    plugins: pluginNames(options.plugins),
    state,
    connections: context.connections,
    startedAt,
    startedWall: platform.clock.wall(),
    ...parts,
    phase: () => phase.now,
    traffic: () => mesh.forwarder.traffic(),
    drops: context.drops,
    alerts: () => context.alerts.list(),
  };
  mesh.start();
  await waitForAddresses(context, parts, mesh);
  phase.now = "ready";
  events.emit("node:ready", { id: state.self.id });
  const admin = {
    platform,
    state,
    store: context.store,
    seeds: () => parts.datagrams.localEndpoints(),
    exclude: (records: readonly Uint8Array[]) => mesh.exclude(records),
  };
  return new LocalNode({
    sources,
    events,
    targets: (parts.discovery as readonly Discovery[]).find(isEditable),
    overlay: hasSockets(parts.port) ? parts.port : undefined,
    tokens: new Tokens(admin),
    members: new Members(admin),
    forget: (endpoint) => mesh.forget(endpoint),
    stop: async () => {
      phase.now = "stopping";
      events.emit("node:stopping", {});
      await stop();
    },
  });
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
  const context = new NodeContext(platform, store, options.name ?? platform.hostname, signal);
  for (const { name, detail } of store.notices?.() ?? []) context.alerts.raise(name, detail);
  return context;
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

function hasSockets(port: object): port is OverlaySockets {
  return "listenUdp" in port && "ping" in port;
}
