/**
 * The documents of the API as zod schemas: they validate what comes in, and `/v1/openapi.json` is made from them.
 * `satisfies` ties each to the contract's type, and `schemas_test.ts` checks at compile time that the two are equal, so
 * that neither can gain or lose a member alone. Answers are not validated at run time: they have those types already.
 */
import { z } from "@hono/zod-openapi";
import { dropNames } from "../contracts/drop.ts";
import type {
  Alert,
  ConnectionState,
  ConnectionStatus,
  IpamStatus,
  IssuedToken,
  MemberStatus,
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
import { errorCodes } from "./error_kinds.ts";
import type { Problem } from "./problem.ts";

const longestText = 255;
const mostEndpoints = 64;
const longestLifetimeSeconds = 10 * 365 * 86_400;
const longestTimeoutMillis = 60_000;
const largestPing = 65_507;

/** zod cannot know the brand; the node alone makes peer ids, and what comes in is never typed as one. */
export const peerId = z.string().openapi("PeerId", {
  description: "A member, derived from its public key",
  example: "k3vq2m6zr4t7n5xw2l6ayd3ucj7pfh4s",
}) as unknown as z.ZodType<PeerId, PeerId>;

const texts = z.array(z.string()).readonly();
const count = z.int().min(0);
const fraction = z.number().min(0).max(1);
const wallMillis = z.number().openapi({ description: "Milliseconds since the Unix epoch" });
const rttMillis = z.number().nullable().openapi({
  description: "Round trip in milliseconds; null if not measured",
});
export const errorCode = z.enum(errorCodes).openapi("ErrorCode");
const aead = z.enum(["chacha20-poly1305", "aes-256-gcm"]);

/**
 * A member that may be absent. Typed as exactly that, `undefined` excluded, which is what JSON can say; made of
 * `optional`, because the OpenAPI generator lists as required whatever refuses `undefined`.
 */
function absent<T extends z.ZodType>(schema: T): z.ZodExactOptional<T> {
  return schema.optional() as unknown as z.ZodExactOptional<T>;
}

const connectionState = z.enum(["connecting", "established", "retrying", "failed"])
  .openapi("ConnectionState") satisfies z.ZodType<ConnectionState>;

export const alert = z.object({
  name: z.string(),
  detail: z.string(),
  since: wallMillis,
}).openapi("Alert") satisfies z.ZodType<Alert>;

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
  })).readonly(),
}).openapi("IpamStatus") satisfies z.ZodType<IpamStatus>;

const trafficStatus = z.object({
  packetsIn: count,
  packetsOut: count,
  bytesIn: count,
  bytesOut: count,
}).openapi("TrafficStatus") satisfies z.ZodType<TrafficStatus>;

export const nodeStatus = z.object({
  version: z.string(),
  runtime: z.string(),
  state: z.enum(["starting", "joining", "ready", "stopping"]),
  peer: peerId,
  name: z.string(),
  network: z.object({ id: z.string(), name: z.string() }),
  started: wallMillis,
  uptimeSeconds: z.number().min(0),
  plugins: z.record(z.string(), texts).openapi({ description: "Names of the plugins, by slot" }),
  listen: texts,
  addresses: texts,
  encryption: z.object({ aead, implementation: z.string() }),
  connections: z.object({ connecting: count, established: count, retrying: count, failed: count }),
  peers: count,
  targets: count,
  ipam: ipamStatus,
  traffic: trafficStatus,
  drops: z.partialRecord(z.enum(dropNames), count)
    .openapi({ description: "Packets that went no further, by reason; only reasons that occurred" }),
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
  reason: z.string().nullable().openapi({ description: "Why it is not established" }),
  code: errorCode.nullable(),
}).openapi("ConnectionStatus") satisfies z.ZodType<ConnectionStatus>;

export const peerStatus = z.object({
  peer: peerId,
  name: z.string(),
  self: z.boolean(),
  state: z.enum(["up", "down"]),
  endpoints: texts,
  ranges: texts,
  addresses: texts,
  rttMillis,
}).openapi("PeerStatus") satisfies z.ZodType<PeerStatus>;

export const targetStatus = z.object({
  endpoint: z.string(),
  source: z.string(),
  state: connectionState,
  reason: z.string().nullable(),
}).openapi("TargetStatus") satisfies z.ZodType<TargetStatus>;

export const memberStatus = z.object({
  peer: peerId,
  name: z.string(),
  admittedBy: peerId.nullable().openapi({ description: "Null for the founder" }),
  state: z.enum(["admitted", "revoked"]),
}).openapi("MemberStatus") satisfies z.ZodType<MemberStatus>;

export const tokenStatus = z.object({
  id: z.string(),
  expires: z.string(),
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
  expires: z.string(),
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
