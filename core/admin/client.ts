/**
 * The typed client of the admin API: `createAdminClient(unixFetch("/run/selvage/admin.sock"))`.
 *
 * Paths, bodies and answers are checked against the server's routes at compile time, through types alone: nothing of
 * the server is loaded, because a command line should answer at once.
 */
import { hc } from "hono/client";
import { MeshError } from "../contracts/errors.ts";
import type { AddressOrigin, AddressOwner, TakenOver, TakeOverRequest } from "../contracts/addresses.ts";
import type { BridgeList, BridgeStatus } from "../contracts/bridging.ts";
import type { EventName } from "../contracts/events.ts";
import type {
  ExposeRequest,
  HostStatus,
  ServiceProtocol,
  ServiceRequest,
  ServiceStatus,
} from "../contracts/exposure.ts";
import type { LogLevel } from "../contracts/host.ts";
import type { LogSettings, LogStatus } from "../contracts/log.ts";
import type {
  AttachRequest,
  ConnectionStatus,
  DropReason,
  EndpointStatus,
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
} from "../contracts/node.ts";
import type { PeerLinksStatus } from "../contracts/topology.ts";
import type { Where } from "../contracts/port.ts";
import type { AdminAnswer, HealthAnswer, VersionAnswer } from "./answer_documents.ts";
import type { AdminApp } from "./app.ts";
import type { NodeReport } from "./report.ts";
import { abortable, accepted, answer, parseJson, refusal, segment } from "./client_answer.ts";
import type { EventDocuments } from "./event_documents.ts";
import { isEventName } from "./event_documents.ts";
import { readEvents } from "./event_source.ts";

export type { AdminAnswer, HealthAnswer, VersionAnswer };

/** `fetch`, or whatever answers a request as it does; `unixFetch(path)` for a node's socket. */
export type FetchLike = (input: string | URL | Request, init?: RequestInit) => Promise<Response> | Response;

/** One event of the stream: `name` tells the type of `detail`. */
export type AdminEvent = {
  readonly [K in EventName]: { readonly id: string; readonly name: K; readonly detail: EventDocuments[K] };
}[EventName];

/**
 * Every method rejects with a MeshError that has the node's own code, with what `fetch` rejects with, and with the
 * signal's reason when it aborts.
 */
export interface AdminClient {
  status(signal?: AbortSignal): Promise<NodeStatus>;
  /** Resolves whether the node is well or not. */
  health(signal?: AbortSignal): Promise<HealthAnswer>;
  version(signal?: AbortSignal): Promise<VersionAnswer>;
  peers(signal?: AbortSignal): Promise<readonly PeerStatus[]>;
  /** Who is linked to whom, as all members tell it. */
  links(signal?: AbortSignal): Promise<readonly PeerLinksStatus[]>;
  connections(signal?: AbortSignal): Promise<readonly ConnectionStatus[]>;
  ipam(signal?: AbortSignal): Promise<IpamStatus>;
  targets(signal?: AbortSignal): Promise<readonly TargetStatus[]>;
  members(signal?: AbortSignal): Promise<readonly MemberStatus[]>;
  revokeMember(peer: string, signal?: AbortSignal): Promise<void>;
  tokens(signal?: AbortSignal): Promise<readonly TokenStatus[]>;
  createToken(options?: TokenOptions, signal?: AbortSignal): Promise<IssuedToken>;
  revokeToken(id: string, signal?: AbortSignal): Promise<void>;
  endpoints(signal?: AbortSignal): Promise<readonly EndpointStatus[]>;
  attach(request: AttachRequest, signal?: AbortSignal): Promise<EndpointStatus>;
  /** An owner, or what `attach` was told; with addresses, only those of it. */
  detach(endpoint: string | Where, signal?: AbortSignal, addresses?: readonly string[]): Promise<void>;
  /** Everybody on this node who has addresses. */
  addresses(signal?: AbortSignal): Promise<readonly AddressOwner[]>;
  /** A free one of a subnet, or the address that is named. */
  giveAddress(
    request: {
      readonly owner: string;
      readonly subnet?: string;
      readonly address?: string;
      readonly waitSeconds?: number;
    },
    signal?: AbortSignal,
  ): Promise<string>;
  /** All that the owner has, or one. */
  releaseAddress(owner: string, address?: string, signal?: AbortSignal): Promise<readonly string[]>;
  whyAddress(address: string, signal?: AbortSignal): Promise<AddressOrigin>;
  moveAddress(address: string, peer: string, signal?: AbortSignal): Promise<void>;
  takeOver(request: TakeOverRequest, signal?: AbortSignal): Promise<TakenOver>;
  /** Rejects `UNSUPPORTED` on a rootless node. */
  host(signal?: AbortSignal): Promise<HostStatus>;
  expose(request?: ExposeRequest, signal?: AbortSignal): Promise<HostStatus>;
  /** What the host had of these addresses, all by default. */
  hide(addresses?: readonly string[], signal?: AbortSignal): Promise<readonly string[]>;
  /** Of this node, and the devices behind the bridges of all members. */
  bridges(signal?: AbortSignal): Promise<BridgeList>;
  attachBridge(device: string, signal?: AbortSignal): Promise<BridgeStatus>;
  detachBridge(device: string, signal?: AbortSignal): Promise<void>;
  services(signal?: AbortSignal): Promise<readonly ServiceStatus[]>;
  putService(request: ServiceRequest, signal?: AbortSignal): Promise<ServiceStatus>;
  removeService(protocol: ServiceProtocol, listen: string, signal?: AbortSignal): Promise<void>;
  connect(
    endpoints: readonly string[],
    options?: { readonly replace?: boolean },
    signal?: AbortSignal,
  ): Promise<void>;
  /** No failure when an endpoint was not listed. */
  forget(endpoints: readonly string[], signal?: AbortSignal): Promise<void>;
  /** Every reason, also those that never occurred. */
  drops(signal?: AbortSignal): Promise<Readonly<Record<DropReason, number>>>;
  admin(signal?: AbortSignal): Promise<AdminAnswer>;
  /** Everything in one document, without secrets. */
  report(signal?: AbortSignal): Promise<NodeReport>;
  /** Rejects `UNSUPPORTED` where the program that embeds the node has a log of its own. */
  log(signal?: AbortSignal): Promise<LogStatus>;
  /**
   * Replaces all levels; without `scopes` none has a level of its own any more. Rejects `INVALID_ARGUMENT` for a scope that
   * nobody logs under.
   */
  setLog(
    settings: { readonly level: LogLevel; readonly scopes?: LogSettings["scopes"] },
    signal?: AbortSignal,
  ): Promise<LogStatus>;
  ping(to: string, options?: PingOptions, signal?: AbortSignal): Promise<PingResult>;
  /** Resolves when the node has agreed to stop, not when it has stopped. */
  stop(signal?: AbortSignal): Promise<void>;
  /**
   * Events from the moment of the first `next()`. Ends when the node stops or the signal aborts; rejects `TIMEOUT` when
   * this reader was too slow and has missed some. Leaving the loop closes the connection.
   */
  events(signal: AbortSignal): AsyncIterable<AdminEvent>;
}

export function createAdminClient(fetchLike: FetchLike): AdminClient {
  const { v1 } = hc<AdminApp>("http://localhost", { fetch: fetchLike });
  return {
    status: (signal) => answer(v1.status.$get({}, abortable(signal))),
    health: (signal) => answer(v1.health.$get({}, abortable(signal)), 503),
    version: (signal) => answer(v1.version.$get({}, abortable(signal))),
    peers: async (signal) => (await answer(v1.peers.$get({}, abortable(signal)))).peers,
    links: async (signal) => (await answer(v1.links.$get({}, abortable(signal)))).links,
    connections: async (signal) => (await answer(v1.connections.$get({}, abortable(signal)))).connections,
    ipam: (signal) => answer(v1.ipam.$get({}, abortable(signal))),
    targets: async (signal) => (await answer(v1.targets.$get({}, abortable(signal)))).targets,
    members: async (signal) => (await answer(v1.members.$get({}, abortable(signal)))).members,
    revokeMember: async (peer, signal) => {
      await accepted(v1.members[":peer"].$delete({ param: { peer: segment(peer) } }, abortable(signal)));
    },
    tokens: async (signal) => (await answer(v1.tokens.$get({}, abortable(signal)))).tokens,
    createToken: (options = {}, signal) => answer(v1.tokens.$post({ json: options }, abortable(signal))),
    revokeToken: async (id, signal) => {
      await accepted(v1.tokens[":id"].$delete({ param: { id: segment(id) } }, abortable(signal)));
    },
    endpoints: async (signal) => (await answer(v1.endpoints.$get({}, abortable(signal)))).endpoints,
    attach: (request, signal) => answer(v1.endpoints.$post({ json: request }, abortable(signal))),
    detach: async (endpoint, signal, addresses = []) => {
      await accepted(v1.endpoints[":endpoint"].$delete(detachInput(endpoint, addresses), abortable(signal)));
    },
    ...addressCalls(v1),
    host: (signal) => answer(v1.host.$get({}, abortable(signal))),
    expose: (request = {}, signal) => answer(v1.host.expose.$post({ json: request }, abortable(signal))),
    hide: async (addresses = [], signal) =>
      (await answer(v1.host.hide.$post({ json: { addresses } }, abortable(signal)))).hidden,
    ...bridgeCalls(v1),
    services: async (signal) => (await answer(v1.host.services.$get({}, abortable(signal)))).services,
    putService: (request, signal) => answer(v1.host.services.$put({ json: request }, abortable(signal))),
    removeService: async (protocol, listen, signal) => {
      const input = { param: { listen: segment(listen) }, query: { protocol } };
      await accepted(v1.host.services[":listen"].$delete(input, abortable(signal)));
    },
    connect: async (endpoints, options = {}, signal) => {
      await accepted(
        v1.connect.$post({ json: { ...options, endpoints: [...endpoints] } }, abortable(signal)),
      );
    },
    forget: async (endpoints, signal) => {
      await accepted(v1.forget.$post({ json: { endpoints: [...endpoints] } }, abortable(signal)));
    },
    drops: async (signal) => (await answer(v1.drops.$get({}, abortable(signal)))).drops,
    admin: (signal) => answer(v1.admin.$get({}, abortable(signal))),
    report: (signal) => answer(v1.report.$get({}, abortable(signal))),
    log: (signal) => answer(v1.log.$get({}, abortable(signal))),
    setLog: (settings, signal) => answer(v1.log.$put({ json: settings }, abortable(signal))),
    ping: (to, options = {}, signal) =>
      answer(v1.ping.$post({ json: { ...options, to } }, abortable(signal))),
    stop: async (signal) => {
      await accepted(v1.stop.$post({ json: {} }, abortable(signal)));
    },
    events: (signal) => adminEvents(() => v1.events.$get({}, abortable(signal)), signal),
  };
}

type Calls = ReturnType<typeof hc<AdminApp>>["v1"];

type AddressCalls =
  | "addresses"
  | "giveAddress"
  | "releaseAddress"
  | "whyAddress"
  | "moveAddress"
  | "takeOver";

function addressCalls({ ipam }: Calls): Pick<AdminClient, AddressCalls> {
  return {
    addresses: async (signal) => (await answer(ipam.addresses.$get({}, abortable(signal)))).owners,
    giveAddress: async (request, signal) =>
      (await answer(ipam.addresses.$post({ json: request }, abortable(signal)))).address,
    releaseAddress: async (owner, address, signal) => {
      const input = { param: { owner: segment(owner) }, query: { ...address !== undefined && { address } } };
      return (await answer(ipam.addresses[":owner"].$delete(input, abortable(signal)))).released;
    },
    whyAddress: (address, signal) =>
      answer(ipam.why[":address"].$get({ param: { address: segment(address) } }, abortable(signal))),
    moveAddress: async (address, peer, signal) => {
      await accepted(ipam.move.$post({ json: { address, peer } }, abortable(signal)));
    },
    takeOver: (request, signal) => answer(ipam.takeover.$post({ json: request }, abortable(signal))),
  };
}

function bridgeCalls(v1: Calls): Pick<AdminClient, "bridges" | "attachBridge" | "detachBridge"> {
  return {
    bridges: (signal) => answer(v1.bridges.$get({}, abortable(signal))),
    attachBridge: (device, signal) => answer(v1.bridges.$post({ json: { device } }, abortable(signal))),
    detachBridge: async (device, signal) => {
      const input = { param: { device: segment(device) } };
      await accepted(v1.bridges[":device"].$delete(input, abortable(signal)));
    },
  };
}

type Kind = "netns" | "pid" | "container" | "host";

/** The host itself has no name, and a path has to have one. */
function detachInput(endpoint: string | Where, addresses: readonly string[]) {
  const address = { ...addresses.length > 0 && { address: [...addresses] } };
  if (typeof endpoint === "string") return { param: { endpoint: segment(endpoint) }, query: address };
  const [by, name] = Object.entries(endpoint)[0] ?? ["owner", ""];
  return {
    param: { endpoint: segment(by === "host" ? "host" : name) },
    query: { by: by as Kind, ...address },
  };
}

async function* adminEvents(
  open: () => Promise<Pick<Response, "ok" | "status" | "text" | "body">>,
  signal: AbortSignal,
): AsyncGenerator<AdminEvent> {
  try {
    const response = await open();
    if (!response.ok || response.body === null) throw await refusal(response);
    for await (const { id, event, data } of readEvents(response.body)) {
      if (event === "stream:dropped") throw tooSlow();
      // A newer node may tell of more than this client knows.
      if (isEventName(event)) yield { id, name: event, detail: parseJson(data) } as AdminEvent;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function tooSlow(): MeshError {
  const message =
    "Cannot follow the events: this reader was too slow and has missed some; ask for the status anew";
  return new MeshError("TIMEOUT", message);
}
