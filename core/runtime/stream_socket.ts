/**
 * TCP connections, alike on every runtime, over `node:net`. Deno's own `Deno.listen` knows no reset, and its types do not
 * exist where Node checks the sources; what streams need of `node:net` behaves the same in both.
 */
import { connect, createServer, isIP, type Server, type Socket } from "node:net";
import { MeshError } from "../contracts/errors.ts";
import type { Endpoint } from "../contracts/values.ts";
import { canonicalHost, formatEndpoint } from "../wire/endpoint.ts";
import { bindError, systemCode } from "./bind_error.ts";

export interface StreamSocket {
  /** An IPv4 peer shows as IPv4, also on a listener of both families. */
  readonly remote: Endpoint;
  /** Bytes taken by `write` that the kernel does not have yet. */
  readonly queued: number;
  /** First in the turn that gave the socket: nothing has arrived until then. A later handler takes the place of the one before. */
  attach(handler: StreamSocketHandler): void;
  /** Never blocks: whoever writes watches `queued`. `bytes` must not be changed any more. Nothing after `end`. */
  write(bytes: Uint8Array): void;
  /** No more is read, so that the other side's kernel stops it. */
  pause(): void;
  resume(): void;
  /** Behind what is queued: no more bytes from this side. Reading goes on. */
  end(): void;
  /** Ends both ways at once and drops what is queued. Idempotent. */
  reset(): void;
}

/** What it throws resets the socket. */
export interface StreamSocketHandler {
  /** `chunk` is valid during the call only. At most 64 KiB. */
  received(chunk: Uint8Array): void;
  /** The other side will send no more. */
  ended(): void;
  /** `queued` has become less. */
  drained(): void;
  /** Once, and the last call: both ways are over. With the reason when it was neither `end` nor `reset`. */
  closed(error?: unknown): void;
}

export interface StreamListener {
  /** With the port that it really got. */
  readonly local: Endpoint;
  /** Frees the port at once; resolves when all sockets that were accepted are closed as well. Works twice. */
  close(): Promise<void>;
}

export interface StreamListenerObserver {
  accepted(socket: StreamSocket): void;
  /** The handler threw, or a connection could not be taken. */
  failed(error: unknown): void;
}

/** A vanished machine shows after about two minutes, also on a stream where nothing is to be said. */
const keepAliveMillis = 60_000;

/**
 * Listens at an IP literal, `::` for all addresses of both families; port 0 picks a free one. Rejects `BIND_FAILED`, and
 * `INVALID_ARGUMENT` for a host that is no IP literal.
 */
export async function listenStreams(
  local: Endpoint,
  observer: StreamListenerObserver,
): Promise<StreamListener> {
  if (isIP(local.host) === 0) {
    throw new MeshError(
      "INVALID_ARGUMENT",
      `Cannot listen on TCP "${local.host}": give an IP address, not a name`,
    );
  }
  const server = createServer({ allowHalfOpen: true, noDelay: true });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen({ host: local.host, port: local.port, ipv6Only: false, exclusive: true }, resolve);
  try {
    await promise;
  } catch (cause) {
    throw bindError("TCP", local, cause);
  }
  server.off("error", reject);
  server.on("error", (error) => observer.failed(error));
  server.on("connection", (socket) => take(socket, observer));
  return new NodeListener(server, local.host);
}

function take(socket: Socket, observer: StreamListenerObserver): void {
  try {
    observer.accepted(new NodeStreamSocket(socket));
  } catch (error) {
    socket.destroy();
    observer.failed(error);
  }
}

class NodeListener implements StreamListener {
  readonly local: Endpoint;
  readonly #server: Server;
  #closed: Promise<void> | undefined;

  constructor(server: Server, host: string) {
    this.#server = server;
    this.local = { host, port: (server.address() as { port: number }).port };
  }

  close(): Promise<void> {
    this.#closed ??= closeServer(this.#server);
    return this.#closed;
  }
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

/**
 * Connects to an IP literal. Rejects `UNREACHABLE` with the system's code in `details.reason`, `TIMEOUT` when the signal
 * aborts, and `INVALID_ARGUMENT` for what is no endpoint.
 */
export async function dialStream(to: Endpoint, signal: AbortSignal): Promise<StreamSocket> {
  if (isIP(to.host) === 0 || !Number.isInteger(to.port) || to.port < 1 || to.port > 65_535) {
    throw new MeshError(
      "INVALID_ARGUMENT",
      `Cannot dial TCP ${formatEndpoint(to)}: give an IP address and a port`,
    );
  }
  if (signal.aborted) throw dialAborted(to);
  const socket = connect({ host: to.host, port: to.port, allowHalfOpen: true, noDelay: true });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const abort = () => reject(dialAborted(to));
  socket.once("connect", resolve);
  socket.once("error", (cause) => reject(dialFailed(to, cause)));
  signal.addEventListener("abort", abort, { once: true });
  try {
    await promise;
    return new NodeStreamSocket(socket, to);
  } catch (error) {
    socket.on("error", () => {}); // a destroyed socket may still report; nobody waits for it
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function dialAborted(to: Endpoint): MeshError {
  return new MeshError("TIMEOUT", `Cannot dial TCP ${formatEndpoint(to)}: it took too long, or was given up`);
}

function dialFailed(to: Endpoint, cause: unknown): MeshError {
  const reason = systemCode(cause);
  const why = reason === "ECONNREFUSED"
    ? "nobody listens there; is the peer up, and its TCP port open?"
    : (cause as Error).message;
  return new MeshError("UNREACHABLE", `Cannot dial TCP ${formatEndpoint(to)}: ${why}`, {
    cause,
    details: { reason },
  });
}

class NodeStreamSocket implements StreamSocket {
  readonly remote: Endpoint;
  readonly #socket: Socket;
  #handler: StreamSocketHandler | undefined;
  #queued = 0;
  #error: unknown;

  constructor(socket: Socket, remote: Endpoint = remoteOf(socket)) {
    this.#socket = socket;
    this.remote = remote;
    socket.setKeepAlive(true, keepAliveMillis);
    socket.on("error", (error) => this.#error ??= error);
  }

  get queued(): number {
    return this.#queued;
  }

  attach(handler: StreamSocketHandler): void {
    const isFirst = this.#handler === undefined;
    this.#handler = handler;
    if (isFirst) this.#listen();
  }

  #listen(): void {
    const guarded = (call: () => void) => {
      try {
        call();
      } catch (error) {
        this.#error ??= error;
        this.reset();
      }
    };
    this.#socket.on(
      "data",
      (chunk) => guarded(() => this.#handler!.received(plainView(chunk as Uint8Array))),
    );
    this.#socket.on("end", () => guarded(() => this.#handler!.ended()));
    this.#socket.once("close", () => this.#handler!.closed(this.#error));
  }

  /** In Deno the callback of a write comes with the bytes in the kernel, as in Node; `drain` would come less often. */
  write(bytes: Uint8Array): void {
    if (this.#socket.destroyed) return;
    this.#queued += bytes.length;
    this.#socket.write(bytes, () => {
      this.#queued -= bytes.length;
      if (!this.#socket.destroyed) this.#handler?.drained();
    });
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    if (!this.#socket.destroyed) this.#socket.end();
  }

  reset(): void {
    if (!this.#socket.destroyed) this.#socket.resetAndDestroy();
  }
}

/** A Buffer's `slice` is no copy: nobody downstream is to meet one. */
function plainView(chunk: Uint8Array): Uint8Array {
  return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

/** A socket whose peer is gone already has no address any more. */
function remoteOf(socket: Socket): Endpoint {
  const host = (socket.remoteAddress ?? "::").split("%", 1)[0]!;
  return { host: canonicalHost(host) ?? host, port: socket.remotePort ?? 0 };
}
