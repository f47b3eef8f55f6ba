/**
 * The HTTP server of the admin API, whatever it listens on, alike on both runtimes.
 *
 * `node:http` rather than `Deno.serve`: the latter is faster, but knows neither timeouts for headers and bodies nor the
 * connections that it has, and two servers would have to be kept alike.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { ListenOptions as Place, Socket } from "node:net";
import type { getRequestListener, Http2Bindings, HttpBindings } from "@hono/node-server";
import type { ErrorCode } from "../contracts/errors.ts";
import type { Logger } from "../contracts/host.ts";
import { ConnectionPool } from "./connection_pool.ts";
import { defaultHttpLimits } from "./http_limits.ts";
import type { HttpLimits } from "./http_limits.ts";
import { nodeHttp } from "./node_http.ts";

/** What is known of a connection beside its request. */
export interface Caller {
  /** The other end's address, without a port; absent on a unix socket. */
  readonly source?: string;
}

export type FetchHandler = (request: Request, caller: Caller) => Response | Promise<Response>;

/** Callers that were refused for being too many, since the start. */
export interface CrowdCounts {
  /** Connections closed to make room for others. */
  readonly displaced: number;
  /** Requests without the right token that were turned away unseen. */
  readonly turnedAway: number;
}

export interface HttpServerOptions {
  /** Whether the `Authorization` header of a request is that of a known caller; cheap, for every request comes here. */
  readonly knows: (authorization: string | undefined) => boolean;
  readonly limits?: Partial<HttpLimits> | undefined;
}

type RequestListener = ReturnType<typeof getRequestListener>;

/** Of every listener of the admin API. */
export interface ListenOptions {
  /** Closes the server when it aborts. */
  readonly signal?: AbortSignal;
  readonly limits?: Partial<HttpLimits>;
  /** Told of failures that no request sees, such as a connection that could not be accepted. */
  readonly log?: Pick<Logger, "log">;
}

/** A server that has yet to be bound. */
export class HttpServer {
  readonly #server: Server;
  readonly #pool: ConnectionPool;
  readonly #limits: HttpLimits;
  readonly #knows: HttpServerOptions["knows"];
  readonly #answering = new Set<ServerResponse>();
  /** Ends the interest in the caller's signal. */
  readonly #closed = new AbortController();
  #closing: Promise<void> | undefined;
  /** Of the current second. */
  #strangers = { since: 0, requests: 0 };
  #turnedAway = 0;

  constructor(fetch: FetchHandler, { knows, limits }: HttpServerOptions) {
    this.#limits = { ...defaultHttpLimits, ...limits };
    this.#knows = knows;
    this.#pool = new ConnectionPool(this.#limits);
    this.#server = createLimited(this.#limits);
    this.#server.on("connection", (socket: Socket) => this.#pool.add(socket));
    const answer = this.#answerWith(fetch);
    this.#server.on("request", (request, response) => {
      this.#watch(request, response);
      if (this.#mayAsk(request)) answer(request, response);
      else this.#turnAway(response);
    });
  }

  crowd(): CrowdCounts {
    return { displaced: this.#pool.closed, turnedAway: this.#turnedAway };
  }

  /** Rejects with the system's error. */
  listen(where: Place, around: (listen: () => void) => void = (listen) => listen()): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.once("listening", () => {
        this.#server.off("error", reject);
        resolve();
      });
      around(() => this.#server.listen(where));
    });
  }

  /** Undefined on a unix socket. */
  port(): number | undefined {
    const address = this.#server.address();
    return address === null || typeof address === "string" ? undefined : address.port;
  }

  /** Failures that no request sees, such as a connection that could not be accepted. */
  onError(handle: (error: Error) => void): void {
    this.#server.on("error", handle);
  }

  closeOn(signal: AbortSignal | undefined): void {
    if (signal?.aborted) void this.close();
    signal?.addEventListener("abort", () => void this.close(), { once: true, signal: this.#closed.signal });
  }

  /**
   * Takes no more connections, ends streams, lets started answers finish for a second, then closes all that is left.
   * Idempotent, never rejects.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  #watch(request: IncomingMessage, response: ServerResponse): void {
    this.#answering.add(response);
    const done = this.#pool.answer(request.socket);
    response.once("close", () => {
      this.#answering.delete(response);
      done();
    });
  }

  #mayAsk({ headers, socket }: IncomingMessage): boolean {
    if (this.#knows(headers.authorization)) {
      this.#pool.admit(socket);
      return true;
    }
    const now = performance.now();
    if (now - this.#strangers.since >= 1000) this.#strangers = { since: now, requests: 0 };
    return ++this.#strangers.requests <= this.#limits.strangerRequests;
  }

  /** By hand: a Request, a route and a Response for each would be the flood's work, done for it. */
  #turnAway(response: ServerResponse): void {
    this.#turnedAway++;
    response.writeHead(429, { "content-type": problemType, "retry-after": "1", connection: "close" });
    response.end(crowded);
  }

  /**
   * The listener is loaded by the first request: with it come Request, Response and HTTP/2, which no node that starts should
   * wait for. Until then a request keeps its body to itself, as streams do that nobody reads.
   */
  #answerWith(fetch: FetchHandler): (request: IncomingMessage, response: ServerResponse) => void {
    let loading: Promise<RequestListener> | undefined;
    return (request, response) => {
      loading ??= this.#load(fetch);
      const hand = async (listener: RequestListener) => {
        if (!response.destroyed) await listener(request, response);
      };
      void loading.then(hand, (error) => response.destroy(error));
    };
  }

  /** The global Request and Response stay as they are: this is a library in somebody's process. */
  async #load(fetch: FetchHandler): Promise<RequestListener> {
    const { getRequestListener } = await import("@hono/node-server");
    const answer = async (request: Request, bindings: HttpBindings | Http2Bindings) => {
      const { incoming, outgoing } = bindings as HttpBindings;
      const response = await fetch(request, this.#callerOf(incoming.socket));
      const millis = this.#pool.isStranger(incoming.socket)
        ? this.#limits.strangerDrainMillis
        : this.#limits.drainMillis;
      await drain({ incoming, outgoing }, this.#limits.drainBytes, millis);
      return response;
    };
    return getRequestListener(answer, {
      overrideGlobalObjects: false,
      autoCleanupIncoming: false,
      errorHandler: (error) => failureAnswer(error instanceof Error && error.name === "RequestError"),
    });
  }

  #callerOf(socket: Socket): Caller {
    return socket.remoteAddress === undefined ? {} : { source: socket.remoteAddress };
  }

  /** The runtime removes a socket file when it closes the listening socket. */
  async #close(): Promise<void> {
    this.#closed.abort();
    this.#pool.stop();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    for (const response of this.#answering) finish(response);
    const timer = setTimeout(() => this.#server.closeAllConnections(), this.#limits.closeMillis);
    await closed;
    clearTimeout(timer);
  }
}

/** Headers sent and no end: a stream, which would never end by itself. All others close their connection after. */
function finish(response: ServerResponse): void {
  response.shouldKeepAlive = false;
  if (response.headersSent && !response.writableEnded) response.end();
}

function createLimited(limits: HttpLimits): Server {
  const server = nodeHttp().createServer({
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headerMillis,
    requestTimeout: limits.requestMillis,
    connectionsCheckingInterval: Math.min(1_000, Math.ceil(limits.headerMillis / 2)),
  });
  server.timeout = limits.idleMillis;
  return server;
}

/**
 * Takes in what is left of a body that was refused. A connection that is closed with bytes unread is reset, and the
 * client, still sending, would never see why. A client that goes on for too long is answered and closed all the same.
 */
function drain({ incoming, outgoing }: HttpBindings, bytes: number, millis: number): Promise<void> {
  if (incoming.complete || incoming.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    let left = bytes;
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
    const timer = setTimeout(done, millis);
    incoming.on("data", count).once("end", done).once("close", done).resume();
  });
}

const problemType = "application/problem+json";
const crowded = problemText(
  429,
  "Too Many Requests",
  "POOL_EXHAUSTED",
  "Cannot answer: too many ask without a token",
);

/** For what never became a Request, and for a handler that rejects; in the form of the API's other problems. */
function failureAnswer(isRequestFault: boolean): Response {
  const [status, title, code]: [number, string, ErrorCode] = isRequestFault
    ? [400, "Bad Request", "MALFORMED"]
    : [500, "Internal Server Error", "INTERNAL"];
  const detail = isRequestFault
    ? "Cannot read the request: its target or host is no URL"
    : "Cannot answer the request";
  return new Response(problemText(status, title, code, detail), {
    status,
    headers: { "content-type": problemType },
  });
}

function problemText(status: number, title: string, code: ErrorCode, detail: string): string {
  return JSON.stringify({ type: "about:blank", title, status, detail, code });
}
