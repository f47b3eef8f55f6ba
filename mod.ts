/**
 * Selvage as a library: a mesh node made of plugins, and the client that drives one.
 *
 * ```ts no-assert
 * import { allowAll, createNode, memoryStore, noise, parsePrefix, ring, staticSeeds, udp, userspace } from "./mod.ts";
 *
 * await using node = await createNode({
 *   name: "first",
 *   plugins: {
 *     store: memoryStore({}),
 *     transport: udp({ listen: "127.0.0.1:0" }),
 *     encapsulation: noise({}),
 *     discovery: [staticSeeds({ seeds: [] })],
 *     ipam: ring({}),
 *     policy: allowAll({}),
 *     port: userspace({}),
 *   },
 *   intent: { found: { networkName: "example", range: parsePrefix("10.32.0.0/12")! } },
 * });
 * console.log(node.status().addresses);
 * ```
 *
 * Run directly, this file is the `selvage` program.
 */
import process from "node:process";

// Nodes.
export { type BroadcastPlace, createNode, type NodeOptions } from "./core/node/create_node.ts";
export type { BroadcastTree, TravellingFrame } from "./core/forwarding/broadcast_tree.ts";
export type { FoundIntent, Intent, JoinIntent } from "./core/node/entry.ts";
export type { Composition } from "./core/node/composition.ts";
export type { Platform } from "./core/node/platform.ts";

// Driving one, from inside or from outside its process.
export { type AdminServer, serveAdmin, type ServeAdminOptions, type TcpOptions } from "./cli/serve_admin.ts";
export { createLog, type LogOptions, type NodeLog } from "./cli/log.ts";
export { type AdminApp, createAdminApp } from "./core/admin/app.ts";
export { type AdminBindings, type AdminDoor, tcpDoor } from "./core/admin/door.ts";
export {
  type AdminAnswer,
  type AdminClient,
  type AdminEvent,
  createAdminClient,
  type FetchLike,
  type HealthAnswer,
  type VersionAnswer,
} from "./core/admin/client.ts";
export type { AdminParts, EffectiveSetting } from "./core/admin/parts.ts";
export type { NodeReport } from "./core/admin/report.ts";
export { systemClock } from "./core/runtime/clock.ts";
export { version } from "./cli/version.ts";
export { loopbackFetch } from "./core/runtime/loopback_http_client.ts";
export { unixFetch } from "./core/runtime/unix_http_client.ts";

// Built-in plugins, by slot.
export { memoryStore, memoryStoreOn } from "./plugins/memory_store/mod.ts";
export { sqlite } from "./plugins/sqlite/mod.ts";
export {
  type MemoryBinding,
  type MemoryNetwork,
  type MemoryPipe,
  type MemoryPipeHandler,
  type MemoryPipes,
  memoryTransport,
} from "./plugins/memory_transport/mod.ts";
export { udp } from "./plugins/udp/mod.ts";
export { tcp } from "./plugins/tcp/mod.ts";
export { greUdp } from "./plugins/gre_udp/mod.ts";
export { noise } from "./plugins/noise/mod.ts";
export { gossip } from "./plugins/gossip/mod.ts";
export { staticSeeds } from "./plugins/static_seeds/mod.ts";
export { ring } from "./plugins/ring/mod.ts";
export { staticRange } from "./plugins/static_range/mod.ts";
export { allowAll } from "./plugins/allow_all/mod.ts";
export { memoryPort } from "./plugins/memory_port/mod.ts";
export { tap } from "./plugins/tap/mod.ts";
export { userspace } from "./plugins/userspace/mod.ts";

// Writing plugins.
export {
  decodeConfig,
  definePlugin,
  type HostOf,
  type Plugin,
  type PluginFactory,
  type PluginLabel,
  type PluginSpec,
  type SlotName,
  slotOrder,
  type Slots,
} from "./core/contracts/plugin.ts";
export {
  type ErrorCode,
  errorCode,
  isMeshError,
  MeshError,
  type MeshErrorOptions,
} from "./core/contracts/errors.ts";
export type { AeadKey, AeadName, AeadSuite } from "./core/contracts/aead.ts";
export type { Coordinator, Leadership } from "./core/contracts/coordinator.ts";
export type {
  DatagramReceiver,
  Datapath,
  FrameReceiver,
  OpenAnother,
  UnderlayDescriptor,
} from "./core/contracts/datapath.ts";
export type { Discovery, EditableTargets, Finding, Target } from "./core/contracts/discovery.ts";
export { Drop, type DropName, dropNames } from "./core/contracts/drop.ts";
export type {
  ArrivalCounting,
  Arrivals,
  Encapsulation,
  EncapsulationOutput,
  ExportedCells,
  ExportedSession,
  ExportedWay,
  JoinAnswer,
  Joining,
  JoinRequest,
  OpenedMessage,
  OverlayPacket,
  PathMeasuring,
  SessionExport,
  SessionExporter,
  SessionInfo,
  SessionKeys,
  SessionTarget,
} from "./core/contracts/encapsulation.ts";
export type { EventName, Events, NodeEvents } from "./core/contracts/events.ts";
export type { Decision, Decisions } from "./core/contracts/decisions.ts";
export {
  type Channel,
  type Clock,
  type DropCounters,
  type Host,
  type LogFields,
  type Logger,
  type LogLevel,
  maxChannelMessage,
  type Random,
  type Self,
  type Timer,
} from "./core/contracts/host.ts";
export type {
  AddressAdmin,
  AddressOrigin,
  AddressOwner,
  AddressRequest,
  AddressStep,
  TakenOver,
} from "./core/contracts/addresses.ts";
export type {
  AddressMoves,
  AllocationRequest,
  DefaultSubnets,
  Ipam,
  IpamReport,
  Lease,
  LeaseTransfer,
  RangeShare,
  Route,
  RouteSource,
  SpaceTakeover,
  Takeover,
} from "./core/contracts/ipam.ts";
export type { LogControl, LogSettings, LogStatus } from "./core/contracts/log.ts";
export type { Lifecycle } from "./core/contracts/lifecycle.ts";
export type {
  Membership,
  NetworkFacts,
  NetworkKey,
  PeerIdentity,
  Refusal,
  TokenReference,
} from "./core/contracts/membership.ts";
export type {
  ClosedPort,
  ExposeRequest,
  HostAdmin,
  HostChange,
  HostNetwork,
  HostPlan,
  HostPort,
  HostService,
  HostState,
  HostStatus,
  Masquerade,
  ServicePlace,
  ServiceProtocol,
  ServiceRequest,
  ServiceStatus,
} from "./core/contracts/exposure.ts";
export type {
  BridgeAdmin,
  BridgeJoin,
  BridgeJoins,
  BridgeList,
  BridgeStatus,
  BridgingPort,
  ForeignDeviceStatus,
  JoinOptions,
} from "./core/contracts/bridging.ts";
export type { NameRecord, Names } from "./core/contracts/names.ts";
export type {
  Alert,
  AttachRequest,
  ConnectionState,
  ConnectionStatus,
  DatapathCounters,
  DatapathStatus,
  DropReason,
  EndpointAdmin,
  EndpointStatus,
  IpamStatus,
  IssuedToken,
  ListenerStatus,
  MemberAdmin,
  MemberStatus,
  MeshNode,
  NodeStatus,
  PeerStatus,
  PingOptions,
  PingResult,
  TargetStatus,
  TokenAdmin,
  TokenOptions,
  TokenStatus,
  TrafficStatus,
} from "./core/contracts/node.ts";
export type { Flow, Policy, PolicyEndpoint, Verdict } from "./core/contracts/policy.ts";
export type {
  AttachedPort,
  Attachment,
  LinkOptions,
  LinkPort,
  OverlaySockets,
  PingReply,
  PingRequest,
  Place,
  Port,
  UdpAddress,
  UdpHandler,
  UdpListenOptions,
  UdpSocket,
  Where,
} from "./core/contracts/port.ts";
export type { ReplicatedState, Replication } from "./core/contracts/replicated_state.ts";
export type { Schema, SchemaIssue, SchemaResult } from "./core/contracts/schema.ts";
export { type Store, type StoreChange, storeLimits, type StoreNotice } from "./core/contracts/store.ts";
export type {
  Datagrams,
  FramedStream,
  StreamDatagrams,
  Streams,
  StreamTarget,
  Transport,
} from "./core/contracts/transport.ts";
export type {
  Address,
  Endpoint,
  Millis,
  PeerId,
  PeerRecord,
  Prefix,
  WallMillis,
} from "./core/contracts/values.ts";

// Addresses, prefixes and endpoints: as text, and to reckon with.
export {
  addressFromBigInt,
  addressToBigInt,
  formatAddress,
  parseAddress,
  sameAddress,
} from "./core/wire/address.ts";
export { type EndpointOptions, formatEndpoint, parseEndpoint } from "./core/wire/endpoint.ts";
export {
  contains,
  containsPrefix,
  formatPrefix,
  lastAddress,
  overlaps,
  parsePrefix,
} from "./core/wire/prefix.ts";

// Not awaited: a plugin that the program loads imports this module, which must have finished by then.
if (import.meta.main) {
  void import("./cli/main.ts").then(({ runProgram }) => runProgram(process.argv.slice(2)));
}
