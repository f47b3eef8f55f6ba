/**
 * The documents of the API as zod schemas: they validate what comes in, and `/v1/openapi.json` is made from them.
 * `satisfies` ties each to the contract's type, and `schemas_test.ts` checks at compile time that the two are equal, so
 * that neither can gain or lose a member alone. Answers are not validated at run time: they have those types already.
 */
import { z } from "@hono/zod-openapi";
import type { LogLevel } from "../contracts/host.ts";
import type { LogStatus } from "../contracts/log.ts";
import type {
  Alert,
  ConnectionState,
  ConnectionStatus,
  DropReason,
  IpamStatus,
  IssuedToken,
  ListenerStatus,
  MemberStatus,
  NatStatus,
  NodeStatus,
  PeerStatus,
  PingOptions,
  PingResult,
  TargetStatus,
  TokenOptions,
  TokenStatus,
  TrafficStatus,
} from "../contracts/node.ts";
import type { PeerId } from "../contracts/values.ts";
import { datapathPath, datapathStatusOf } from "./datapath_schemas.ts";
import { absent, count, longestText, texts } from "./document_parts.ts";
import { dropMeanings, dropReasons } from "./drop_meanings.ts";
import { errorCodes } from "./error_kinds.ts";
import { hostStatus } from "./host_schemas.ts";
import type { EffectiveSetting } from "./parts.ts";
import type { Problem } from "./problem.ts";
import type { NodeReport } from "./report.ts";
import { broadcastStatus, peerWay } from "./topology_schemas.ts";

const mostEndpoints = 64;
const longestLifetimeSeconds = 10 * 365 * 86_400;
const longestTimeoutMillis = 60_000;
const largestPing = 65_507;
const mostScopes = 64;

/** zod cannot know the brand; the node alone makes peer ids, and what comes in is never typed as one. */
export const peerId = z.string().openapi("PeerId", {
  description: "A member, derived from its public key",
  example: "k3vq2m6zr4t7n5xw2l6ayd3ucj7pfh4s",
}) as unknown as z.ZodType<PeerId, PeerId>;

const fraction = z.number().min(0).max(1);
const time = z.iso.datetime({ precision: 3 }).openapi({ description: "RFC 3339, UTC" });
const rttMillis = z.number().nullable().openapi({
  description: "Round trip in milliseconds; null if not measured",
});
export const errorCode = z.enum(errorCodes).openapi("ErrorCode");
const aead = z.enum(["chacha20-poly1305", "aes-256-gcm"]);

const connectionState = z.enum(["connecting", "established", "retrying", "failed"])
  .openapi("ConnectionState") satisfies z.ZodType<ConnectionState>;

export const alert = z.object({
  name: z.string(),
  detail: z.string(),
  since: time,
}).openapi("Alert") satisfies z.ZodType<Alert>;

const liveness = z.enum(["alive", "suspect", "dead", "left"]);

export const ipamStatus = z.object({
  state: z.enum(["ready", "waiting"]),
  ranges: texts,
  leases: z.array(z.object({ owner: z.string(), address: z.string() })).readonly(),
  shares: z.array(z.object({
    peer: peerId,
    name: z.string(),
    ranges: texts,
    share4: fraction,
    share6: fraction,
    reachable: z.boolean(),
    liveness: liveness.nullable(),
    active: count.nullable().openapi({ description: "Addresses in use; null for other nodes" }),
  })).readonly(),
  waiting: z.array(z.object({ owner: z.string(), subnet: z.string(), since: z.string() })).readonly()
    .openapi({ description: "Who has asked here for an address that could not be given yet" }),
}).openapi("IpamStatus") satisfies z.ZodType<IpamStatus>;

const trafficStatus = z.object({
  packetsIn: count,
  packetsOut: count,
  bytesIn: count,
  bytesOut: count,
}).openapi("TrafficStatus") satisfies z.ZodType<TrafficStatus>;

const listenerStatus = z.object({
  transport: z.string().openapi({ description: "Name of the plugin" }),
  carries: z.enum(["datagrams", "streams"]),
  endpoint: z.string(),
}).openapi("ListenerStatus") satisfies z.ZodType<ListenerStatus>;

const natStatus = z.object({
  kind: z.enum(["unknown", "none", "translated", "endpoint-independent", "symmetric"]).openapi({
    description:
      "What translates the addresses of this node's datagrams, as far as peers can tell; translated: one peer alone cannot say how",
  }),
  observed: texts.openapi({ description: "Where peers without a relay between see this node" }),
  announced: texts.openapi({ description: "Of those, what all members are told" }),
}).openapi("NatStatus") satisfies z.ZodType<NatStatus>;

const datapathStatus = datapathStatusOf(aead);

export const nodeStatus = z.object({
  version: z.string(),
  runtime: z.string(),
  state: z.enum(["starting", "joining", "ready", "stopping"]),
  peer: peerId,
  name: z.string(),
  network: z.object({ id: z.string(), name: z.string() }),
  started: time,
  uptimeSeconds: z.number().min(0),
  plugins: z.record(z.string(), texts).openapi({ description: "Names of the plugins, by slot" }),
  listen: texts.openapi({ description: "Where other nodes and devices send datagrams" }),
  listeners: z.array(listenerStatus).readonly(),
  nat: natStatus,
  broadcasts: broadcastStatus,
  addresses: texts,
  encryption: z.object({ aead, implementation: z.string() }),
  connections: z.object({ connecting: count, established: count, retrying: count, failed: count }),
  peers: count,
  targets: count,
  ipam: ipamStatus,
  traffic: trafficStatus,
  datapath: datapathStatus,
  drops: z.partialRecord(z.enum(dropReasons), count)
    .openapi({ description: "Packets that went no further, by reason; only reasons that occurred" }),
  host: hostStatus.nullable().openapi({ description: "Null on a rootless node" }),
  alerts: z.array(alert).readonly(),
  healthy: z.boolean().openapi({ description: "No alert, and every target has a session" }),
}).openapi("NodeStatus") satisfies z.ZodType<NodeStatus>;

export const connectionStatus = z.object({
  direction: z.enum(["->", "<-"]),
  endpoint: z.string(),
  state: connectionState,
  peer: peerId.nullable(),
  name: z.string().nullable(),
  encrypted: z.boolean(),
  aead: aead.nullable(),
  rttMillis,
  mtu: count,
  path: datapathPath.nullable().openapi({ description: "What carries the packets; null without a session" }),
  relay: z.string().nullable().openapi({
    description:
      "The member through which the packets go, its name or its id; null when they go straight to the peer",
  }),
  via: texts.openapi({
    description: "All members that the packets go through, nearest first; the last one is `relay`",
  }),
  relayed: z.object({ packets: count, bytes: count }).nullable().openapi({
    description: "What this node has passed on for the peer; null without a session",
  }),
  traffic: trafficStatus.nullable().openapi({
    description:
      "Overlay packets, and bytes of their datagrams without IP and UDP headers; null without a session",
  }),
  loss: fraction.nullable().openapi({
    description: "Share of what the peer has sent in the last minutes that has not come; null if not known",
  }),
  reason: z.string().nullable().openapi({ description: "Why it is not established" }),
  code: errorCode.nullable(),
}).openapi("ConnectionStatus") satisfies z.ZodType<ConnectionStatus>;

export const peerStatus = z.object({
  peer: peerId,
  name: z.string(),
  self: z.boolean(),
  state: z.enum(["up", "down"]),
  liveness: liveness.nullable().openapi({
    description: "What the members know of it together, by gossip; null where that does not run",
  }),
  endpoints: texts,
  ranges: texts,
  addresses: texts,
  rttMillis,
  way: peerWay.nullable().openapi({
    description:
      "How it is reached, by its session or else as the links of all say; null if that is not known",
  }),
}).openapi("PeerStatus") satisfies z.ZodType<PeerStatus>;

export const targetStatus = z.object({
  endpoint: z.string(),
  source: z.string(),
  state: connectionState,
  reason: z.string().nullable(),
  places: texts.openapi({ description: "What is tried: the endpoint itself, or what its name stands for" }),
  nextAttempt: z.string().nullable().openapi({
    description: "When it is tried or looked up next; null while there is a session",
  }),
}).openapi("TargetStatus") satisfies z.ZodType<TargetStatus>;

export const memberStatus = z.object({
  peer: peerId,
  name: z.string(),
  admittedBy: peerId.nullable().openapi({ description: "Null for the founder" }),
  state: z.enum(["admitted", "revoked"]),
}).openapi("MemberStatus") satisfies z.ZodType<MemberStatus>;

export const tokenStatus = z.object({
  id: z.string(),
  expires: time,
  state: z.enum(["valid", "expired", "revoked"]),
}).openapi("TokenStatus") satisfies z.ZodType<TokenStatus>;

export const tokenOptions = z.strictObject({
  lifetimeSeconds: absent(
    z.int().min(1).max(longestLifetimeSeconds).openapi({ description: "Default 24 hours" }),
  ),
}).openapi("TokenOptions") satisfies z.ZodType<TokenOptions>;

export const issuedToken = z.object({
  id: z.string(),
  token: z.string().openapi({ description: "Holds the secret: shown this once" }),
  expires: time,
  join: z.string().openapi({ description: "The command that a new host runs" }),
}).openapi("IssuedToken") satisfies z.ZodType<IssuedToken>;

/** Endpoints stay text here: names are resolved, and forms judged, by the node. */
export const connectRequest = z.strictObject({
  endpoints: z.array(z.string().min(1).max(longestText)).max(mostEndpoints),
  replace: absent(z.boolean().openapi({ description: "Drop all other endpoints first" })),
}).refine(({ endpoints, replace }) => endpoints.length > 0 || replace === true, {
  path: ["endpoints"],
  message: "at least one endpoint, unless `replace` is to drop all",
}).openapi("ConnectRequest");

export const forgetRequest = z.strictObject({
  endpoints: z.array(z.string().min(1).max(longestText)).min(1).max(mostEndpoints),
}).openapi("ForgetRequest");

export const pingRequest = z.strictObject({
  to: z.string().min(1).max(longestText).openapi({
    description: "An overlay address, a peer's name or its id",
  }),
  size: absent(z.int().min(0).max(largestPing)),
  timeoutMillis: absent(z.int().min(1).max(longestTimeoutMillis)),
  family: absent(z.union([z.literal(4), z.literal(6)])),
}).openapi("PingRequest") satisfies z.ZodType<PingOptions & { readonly to: string }>;

export const pingResult = z.object({
  from: z.string(),
  rttMillis: z.number().min(0),
  hopLimit: count,
  size: count,
}).openapi("PingResult") satisfies z.ZodType<PingResult>;

/** One member per reason, so that the document says what each means. */
const dropCounts = z.object(
  Object.fromEntries(
    dropReasons.map((reason) => [reason, count.openapi({ description: dropMeanings[reason] })] as const),
  ) as Record<DropReason, typeof count>,
);

export const drops = z.object({ drops: dropCounts }).openapi("Drops");

const logLevel = z.enum(["debug", "info", "warn", "error"]) satisfies z.ZodType<LogLevel>;
const scopes = z.record(z.string().regex(/^[\w.-]{1,63}$/, "expected a scope as the log shows it"), logLevel)
  .refine((levels) => Object.keys(levels).length <= mostScopes, `at most ${mostScopes} scopes`)
  .openapi({ description: "Levels of single scopes, and of what is below them" });

export const logStatus = z.object({
  level: logLevel,
  scopes,
  known: texts.openapi({ description: "Scopes that somebody logs under; any other is refused" }),
}).openapi("LogStatus") satisfies z.ZodType<LogStatus>;

export const logRequest = z.strictObject({ level: logLevel, scopes: absent(scopes) }).openapi("LogRequest");

export const adminStatus = z.object({
  readers: z.object({
    open: count.openapi({ description: "Readers of the event stream now" }),
    dropped: count.openapi({ description: "Readers that were too slow, since the start" }),
  }),
  refused: z.object({
    foreign: count.openapi({ description: "Host, Origin or Sec-Fetch-Site was foreign" }),
    token: count.openapi({ description: "No token, or a wrong one" }),
    delayed: count.openapi({ description: "The same, when too many such answers were waiting already" }),
  }).openapi({ description: "Requests that reached no route, since the start" }),
  crowd: z.object({
    displaced: count.openapi({ description: "Connections closed to make room for others" }),
    turnedAway: count.openapi({ description: "Requests without the right token, turned away unseen" }),
  }).openapi({ description: "What was refused for being too much, since the start" }),
}).openapi("AdminStatus");

const setting = z.object({
  path: z.string(),
  value: z.unknown(),
  origin: z.string().openapi({ description: "File and line, variable, flag, or `default`" }),
}).openapi("EffectiveSetting") satisfies z.ZodType<EffectiveSetting>;

export const report = z.object({
  generated: time,
  version: z.string(),
  runtime: z.string(),
  platform: z.string().nullable(),
  status: nodeStatus,
  peers: z.array(peerStatus).readonly(),
  connections: z.array(connectionStatus).readonly(),
  ipam: ipamStatus,
  targets: z.array(targetStatus).readonly(),
  members: z.array(memberStatus).readonly(),
  tokens: z.array(tokenStatus).readonly(),
  drops: dropCounts,
  alerts: z.array(alert).readonly(),
  admin: adminStatus,
  log: logStatus.nullable().openapi({ description: "Null where another program owns the log" }),
  config: z.array(setting).readonly().nullable().openapi({
    description: "The settings in force, secrets replaced; null where another program has the configuration",
  }),
}).openapi("NodeReport") satisfies z.ZodType<NodeReport>;

export const stopRequest = z.strictObject({}).openapi("StopRequest");

export const health = z.object({
  healthy: z.boolean(),
  state: nodeStatus.shape.state,
  alerts: z.array(alert).readonly(),
}).openapi("Health") satisfies z.ZodType<Pick<NodeStatus, "healthy" | "state" | "alerts">>;

export const version = z.object({
  name: z.literal("selvage"),
  version: z.string(),
  api: z.literal("v1"),
}).openapi("Version");

export const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: errorCode,
  instance: absent(z.string()),
  details: absent(z.record(z.string(), z.unknown())),
}).openapi("Problem") satisfies z.ZodType<Problem>;

const pathSegment = z.string().min(1).max(longestText);
export const tokenPath = z.object({ id: pathSegment });
export const memberPath = z.object({ peer: pathSegment.openapi({ description: "Peer id or name" }) });
