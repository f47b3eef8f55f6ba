/**
 * HTTP on a unix socket, for the admin API, alike on both runtimes.
 *
 * `node:http` rather than `Deno.serve`: the latter is faster, but knows neither a limit of connections nor timeouts for
 * headers and bodies, and two servers would have to be kept alike.
 */
import { existsSync, lstatSync, mkdirSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { Server, ServerResponse } from "node:http";
import { connect } from "node:net";
import { dirname } from "node:path";
import { getRequestListener } from "@hono/node-server";
import type { Http2Bindings, HttpBindings } from "@hono/node-server";
import type { ErrorCode } from "../contracts/errors.ts";
import { MeshError } from "../contracts/errors.ts";
import type { Logger } from "../contracts/host.ts";
import { systemCode } from "./bind_error.ts";
import { withUmask } from "./process.ts";
import { assertSocketPath } from "./unix_socket_path.ts";

export type FetchHandler = (request: Request) => Response | Promise<Response>;

export interface UnixHttpServer extends AsyncDisposable {
  readonly path: string;
  /**
   * Takes no more connections, ends streams, lets started answers finish for a second, then closes all that is left and
   * removes the socket. Idempotent, never rejects.
   */
  close(): Promise<void>;
}

export interface ListenUnixOptions {
  /** Closes the server when it aborts. */
  readonly signal?: AbortSignal;
  readonly limits?: Partial<UnixHttpLimits>;
  /** Told of failures that no request sees, such as a connection that could not be accepted. */
  readonly log?: Pick<Logger, "log">;
}

/** What one client may cost. Milliseconds and bytes. */
export interface UnixHttpLimits {
  /** Further ones are closed at once. */
  readonly connections: number;
  readonly headerBytes: number;
  /** From the first byte of a request to the end of its headers. */
  readonly headerMillis: number;
  /** To the end of its body. */
  readonly requestMillis: number;
  /**
   * Without a byte in either direction: the end of a reader that does not read. Above the longest ping that the API
   * takes and above the heartbeats of an event stream.
   */
  readonly idleMillis: number;
  /** How much of a refused body is taken in before its answer goes out, and how long that may take. */
  readonly drainBytes: number;
  readonly drainMillis: number;
  /** How long {@link UnixHttpServer.close} lets started answers finish. */
  readonly closeMillis: number;
}

const defaults: UnixHttpLimits = {
  connections: 64,
  headerBytes: 16 * 1024,
  headerMillis: 10_000,
  requestMillis: 30_000,
  idleMillis: 90_000,
  drainBytes: 4 * 1024 * 1024,
  drainMillis: 1_000,
  closeMillis: 1_000,
};

/**
 * Serves `fetch` on a socket that only this user can connect to, from its first moment: its mode is the authentication.
 * Makes the parent directory, mode 0700, if it is absent. Removes the socket that a killed node has left behind.
 *
 * Rejects `CONFIG_INVALID` for a path that no socket can have, `ALREADY_RUNNING` when somebody answers there,
 * `BIND_FAILED` when something else is in the way, which is left as it is, or the system refuses.
 */
export async function listenUnix(
  fetch: FetchHandler,
  path: string,
  options: ListenUnixOptions = {},
): Promise<UnixHttpServer> {
  assertSocketPath(path);
  options.signal?.throwIfAborted();
  attempt(path, () => makeDirectory(dirname(path)));
  await removeStale(path);
  const limits = { ...defaults, ...options.limits };
  const server = createLimited(limits);
  const listening = new Listening(server, path, limits.closeMillis);
  server.on("request", answerWith(fetch, limits));
  await bind(server, path);
  server.on("error", (error) => options.log?.log("error", "Admin socket failed", { path, error }));
  await refuseOpenSocket(listening);
  listening.closeOn(options.signal);
  return listening;
}

function createLimited(limits: UnixHttpLimits): Server {
  const server = createServer({
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headerMillis,
    requestTimeout: limits.requestMillis,
    connectionsCheckingInterval: Math.min(1_000, Math.ceil(limits.headerMillis / 2)),
  });
  server.maxConnections = limits.connections;
  server.timeout = limits.idleMillis;
  return server;
}

/** The global Request and Response stay as they are: this is a library in somebody's process. */
function answerWith(fetch: FetchHandler, limits: UnixHttpLimits): ReturnType<typeof getRequestListener> {
  const answer = async (request: Request, bindings: HttpBindings | Http2Bindings) => {
    const response = await fetch(request);
    await drain(bindings as HttpBindings, limits);
    return response;
  };
  return getRequestListener(answer, {
    overrideGlobalObjects: false,
    autoCleanupIncoming: false,
    errorHandler: (error) => failureAnswer(error instanceof Error && error.name === "RequestError"),
  });
}

/**
 * Takes in what is left of a body that was refused. A connection that is closed with bytes unread is reset, and the
 * client, still sending, would never see why. A client that goes on for too long is answered and closed all the same.
 */
function drain({ incoming, outgoing }: HttpBindings, limits: UnixHttpLimits): Promise<void> {
  if (incoming.complete || incoming.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    let left = limits.drainBytes;
    const done = () => {
      clearTimeout(timer);
      incoming.off("data", count).off("end", done).off("close", done);
      if (!incoming.complete) outgoing.shouldKeepAlive = false;
      resolve();
    };
    const count = (chunk: Uint8Array) => {
      left -= chunk.length;
      if (left < 0) return done();
      // Whoever read the beginning pauses the stream at every piece.
      incoming.resume();
    };
    const timer = setTimeout(done, limits.drainMillis);
    incoming.on("data", count).once("end", done).once("close", done).resume();
  });
}

/** For what never became a Request, and for a handler that rejects; in the form of the API's other problems. */
function failureAnswer(isRequestFault: boolean): Response {
  const [status, title, code]: [number, string, ErrorCode] = isRequestFault
    ? [400, "Bad Request", "MALFORMED"]
    : [500, "Internal Server Error", "INTERNAL"];
  const detail = isRequestFault
    ? "Cannot read the request: its target or host is no URL"
    : "Cannot answer the request";
  const problem = { type: "about:blank", title, status, detail, code };
  return new Response(JSON.stringify(problem), {
    status,
    headers: { "content-type": "application/problem+json" },
  });
}

/** Not `recursive: true`: Node 26 tries for ever where the system says ENOENT to the last name, as below /proc. */
function makeDirectory(path: string): void {
  if (existsSync(path)) return;
  makeDirectory(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}

/** A socket file outlives a process that was killed; binding would fail on it for ever. */
async function removeStale(path: string): Promise<void> {
  const found = attempt(path, () => lstatSync(path, { throwIfNoEntry: false }));
  if (found === undefined) return;
  if (!found.isSocket()) {
    const message =
      `Cannot listen on ${path}: what is there is no socket; remove it or set another admin.socket`;
    throw new MeshError("BIND_FAILED", message, { details: { path } });
  }
  if (await isAnswered(path)) throw alreadyRunning(path);
  attempt(path, () => rmSync(path, { force: true }));
}

/** What proves that nobody listens. Anything else, a full backlog or a missing permission, is a sign of life. */
const refusals: readonly string[] = ["ECONNREFUSED", "ENOENT"];

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error) => resolve(!refusals.includes(systemCode(error) ?? "")));
  });
}

function bind(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) => reject(listenError(path, cause));
    server.once("error", fail);
    server.once("listening", () => {
      server.off("error", fail);
      resolve();
    });
    withUmask(0o177, () => server.listen(path));
  });
}

/** A default ACL on the directory overrides the mask (acl(5)). */
async function refuseOpenSocket(listening: Listening): Promise<void> {
  const mode = lstatSync(listening.path).mode & 0o777;
  if ((mode & 0o077) === 0) return;
  await listening.close();
  const message = `Cannot keep ${listening.path} private: its mode became 0${mode.toString(8)}; ` +
    "remove the default ACL of its directory or set another admin.socket";
  throw new MeshError("STATE_INSECURE", message, { details: { path: listening.path } });
}

function attempt<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    throw listenError(path, cause);
  }
}

function alreadyRunning(path: string): MeshError {
  const message =
    `Cannot listen on ${path}: a node answers there; stop it with \`selvage stop\` or set another admin.socket`;
  return new MeshError("ALREADY_RUNNING", message, { details: { path } });
}

function listenError(path: string, cause: unknown): MeshError {
  const reason = systemCode(cause);
  if (reason === "EADDRINUSE") return alreadyRunning(path);
  const why = cause instanceof Error ? cause.message : String(cause);
  const message =
    `Cannot listen on ${path}: ${why}; set an admin.socket in a directory that this user may write to`;
  return new MeshError("BIND_FAILED", message, { cause, details: { path, reason } });
}

class Listening implements UnixHttpServer {
  readonly path: string;
  readonly #server: Server;
  readonly #closeMillis: number;
  readonly #answering = new Set<ServerResponse>();
  /** Ends the interest in the caller's signal. */
  readonly #closed = new AbortController();
  #closing: Promise<void> | undefined;

  constructor(server: Server, path: string, closeMillis: number) {
    this.path = path;
    this.#server = server;
    this.#closeMillis = closeMillis;
    server.on("request", (_, response) => {
      this.#answering.add(response);
      response.once("close", () => this.#answering.delete(response));
    });
  }

  closeOn(signal: AbortSignal | undefined): void {
    if (signal?.aborted) void this.close();
    signal?.addEventListener("abort", () => void this.close(), { once: true, signal: this.#closed.signal });
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The runtime removes the socket file when it closes the listening socket. */
  async #close(): Promise<void> {
    this.#closed.abort();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    for (const response of this.#answering) this.#finish(response);
    const timer = setTimeout(() => this.#server.closeAllConnections(), this.#closeMillis);
    await closed;
    clearTimeout(timer);
  }

  /** Headers sent and no end: a stream, which would never end by itself. All others close their connection after. */
  #finish(response: ServerResponse): void {
    response.shouldKeepAlive = false;
    if (response.headersSent && !response.writableEnded) response.end();
  }
}
