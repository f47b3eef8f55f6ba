/** The admin API of a node on a unix socket and, where asked for, on TCP for this machine. */
import process from "node:process";
import type { AdminApp } from "../core/admin/app.ts";
import { opens, tcpDoor, unixDoor } from "../core/admin/door.ts";
import type { AdminDoor } from "../core/admin/door.ts";
import type { EffectiveSetting } from "../core/admin/parts.ts";
import type { Logger } from "../core/contracts/host.ts";
import type { LogControl } from "../core/contracts/log.ts";
import type { MeshNode } from "../core/contracts/node.ts";
import { silentLogger } from "../core/node/silent_logger.ts";
import { openAdminToken } from "../core/runtime/admin_token.ts";
import { systemClock } from "../core/runtime/clock.ts";
import type { Caller, CrowdCounts } from "../core/runtime/http_server.ts";
import { parseLoopback } from "../core/runtime/loopback_endpoint.ts";
import { listenLoopback } from "../core/runtime/loopback_http_server.ts";
import type { LoopbackHttpServer } from "../core/runtime/loopback_http_server.ts";
import { listenUnix } from "../core/runtime/unix_http_server.ts";
import { formatEndpoint } from "../core/wire/endpoint.ts";
import { version } from "./version.ts";

export interface ServeAdminOptions {
  /** Path of the socket: at most 107 bytes. Its directory is made, mode 0700, when it is missing. */
  readonly socket: string;
  /** On TCP too, for who shows the token. */
  readonly tcp?: TcpOptions | undefined;
  /** Audit of calls, and failures; nothing is logged without one. */
  readonly log?: Logger;
  /** What `/v1/log` changes; without it the log is nobody's to change. */
  readonly levels?: LogControl;
  /** For `/v1/report`: what the node was configured with, secrets replaced. */
  readonly config?: () => readonly EffectiveSetting[];
  /** What `POST /v1/stop` does; the node is disposed by default. */
  readonly stop?: () => void;
}

export interface TcpOptions {
  /** `127.0.0.1:6784`, `[::1]:6784`: an address of this machine alone. Port 0 takes any that is free. */
  readonly listen: string;
  /** Holds the bearer token; made, mode 0600, when it is missing. */
  readonly tokenFile: string;
}

/** Disposing it closes the listeners and removes the socket; the node goes on. */
export interface AdminServer extends AsyncDisposable {
  readonly socket: string;
  /** `http://127.0.0.1:6784`; undefined without {@link ServeAdminOptions.tcp}. */
  readonly url: string | undefined;
}

/**
 * Serves the admin API until it is disposed. The socket has mode 0600 from its first moment: who may open it may do
 * everything. Rejects `ALREADY_RUNNING`, `BIND_FAILED`, `CONFIG_INVALID` for a path that no socket can have, an address
 * that others can reach or a file without a token, and `STATE_INSECURE` where the socket or the token would be open to
 * others.
 */
export async function serveAdmin(node: MeshNode, options: ServeAdminOptions): Promise<AdminServer> {
  const { log = silentLogger, tcp } = options;
  await using opened = new AsyncDisposableStack();
  const listeners: Listener[] = [];
  const answer = lazyApp(node, { ...options, log }, () => crowdOf(listeners));
  const socket = opened.use(await listenUnix(answer(() => unixDoor), options.socket, { log }));
  listeners.push(socket);
  const server = tcp && opened.use(await listenTcp(tcp, log, answer));
  if (server !== undefined) listeners.push(server);
  // In reverse order: the socket is the last to go.
  const closing = opened.move();
  const url = server && `http://${formatEndpoint(server.endpoint)}`;
  return { socket: socket.path, url, [Symbol.asyncDispose]: () => closing.disposeAsync() };
}

type Listener = Pick<LoopbackHttpServer, "crowd">;

function crowdOf(listeners: readonly Listener[]): CrowdCounts {
  const crowds = listeners.map((listener) => listener.crowd());
  return {
    displaced: crowds.reduce((sum, { displaced }) => sum + displaced, 0),
    turnedAway: crowds.reduce((sum, { turnedAway }) => sum + turnedAway, 0),
  };
}

type Answer = (door: () => AdminDoor) => (request: Request, caller: Caller) => Promise<Response>;

/** Loaded by the first request: a node that starts should not wait for routes and schemas that nobody asks for yet. */
function lazyApp(
  node: MeshNode,
  { log = silentLogger, levels, config, stop }: ServeAdminOptions,
  crowd: () => CrowdCounts,
): Answer {
  let app: Promise<AdminApp> | undefined;
  const load = async () => {
    const { createAdminApp } = await import("../core/admin/app.ts");
    return createAdminApp({
      node,
      log,
      levels,
      config,
      version,
      platform: `${process.platform} ${process.arch}`,
      clock: systemClock(),
      stop: stop ?? (() => void node[Symbol.asyncDispose]()),
      crowd,
    });
  };
  return (door) => async (request, caller) =>
    (await (app ??= load())).fetch(request, { door: door(), ...caller });
}

async function listenTcp(
  { listen, tokenFile }: TcpOptions,
  log: Logger,
  answer: Answer,
): Promise<LoopbackHttpServer> {
  const wanted = parseLoopback(listen);
  let door = tcpDoor(wanted, openAdminToken(tokenFile));
  const knows = (authorization: string | undefined) => opens(door, authorization);
  const server = await listenLoopback(answer(() => door), wanted, { log, knows });
  door = tcpDoor(server.endpoint, door.bearer!);
  const endpoint = formatEndpoint(server.endpoint);
  log.child("admin").log("info", "Admin API listens", { endpoint, path: tokenFile });
  return server;
}
