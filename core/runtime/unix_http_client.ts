/**
 * `fetch` over a unix socket, alike on both runtimes: neither runtime's own can do it on both. One connection per request
 * and none kept: nothing is left open when the answer has been read, and a command line ends at once.
 */
import { request as httpRequest } from "node:http";
import type { ClientRequest, IncomingMessage } from "node:http";
import { MeshError } from "../contracts/errors.ts";
import { systemCode } from "./bind_error.ts";
import { assertSocketPath } from "./unix_socket_path.ts";

/** As `fetch`, for `http:` alone. A path without a host, `/v1/status`, is a URL too. */
export type UnixFetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** Statuses whose answers have no body, not even an empty one (Fetch, "null body status"). */
const bodiless: readonly number[] = [204, 205, 304];

/**
 * A `fetch` that sends every request to the socket at `path`, whatever host its URL names; that host goes into the Host
 * header. Bodies of requests are collected, those of answers are streamed. Redirects are not followed.
 *
 * Throws `CONFIG_INVALID` for a path that no socket can have. The function rejects `NOT_RUNNING` when nobody listens,
 * `UNREACHABLE` when the connection is refused or breaks off, and with the signal's reason when it aborts.
 */
export function unixFetch(path: string): UnixFetch {
  assertSocketPath(path);
  return async (input, init = {}) => {
    const signal = init.signal ?? (input instanceof Request ? input.signal : undefined);
    signal?.throwIfAborted();
    const url = input instanceof Request ? input : new URL(input, "http://localhost");
    // Without the signal: a Request would listen to it for as long as it lives.
    const request = new Request(url, { ...init, signal: null });
    const body = request.body === null ? undefined : new Uint8Array(await request.arrayBuffer());
    return await new Exchange(path, signal).send(request, body);
  };
}

/** One request and its answer. */
class Exchange {
  readonly #path: string;
  readonly #signal: AbortSignal | undefined;

  constructor(path: string, signal: AbortSignal | undefined) {
    this.#path = path;
    this.#signal = signal;
  }

  send(request: Request, body: Uint8Array | undefined): Promise<Response> {
    return new Promise((resolve, reject) => {
      const outgoing = this.#open(request);
      // Node leaves it out for a DELETE, whose body would then be read as a second request.
      if (body !== undefined) outgoing.setHeader("content-length", body.length);
      const abort = () => outgoing.destroy();
      this.#signal?.addEventListener("abort", abort, { once: true });
      outgoing.once("close", () => this.#signal?.removeEventListener("abort", abort));
      outgoing.on("error", (error) => reject(this.#failure(error)));
      outgoing.once("response", (incoming) => resolve(this.#response(incoming)));
      outgoing.end(body);
      if (this.#signal?.aborted) abort();
    });
  }

  #open(request: Request): ClientRequest {
    const { host, pathname, search } = new URL(request.url);
    return httpRequest({
      socketPath: this.#path,
      agent: false,
      method: request.method,
      path: `${pathname}${search}`,
      headers: { host, ...Object.fromEntries(request.headers) },
    });
  }

  #response(incoming: IncomingMessage): Response {
    const status = incoming.statusCode ?? 0;
    const headers = Object.entries(incoming.headersDistinct).flatMap(([name, values = []]) =>
      values.map((value): [string, string] => [name, value])
    );
    const body = this.#body(incoming);
    if (!bodiless.includes(status)) return new Response(body, { status, headers });
    void body.cancel();
    return new Response(null, { status, headers });
  }

  /** Own code, because `Readable.toWeb` gives an aborted answer each runtime's own error. */
  #body(incoming: IncomingMessage): ReadableStream<Uint8Array> {
    let ended = false;
    const start = (controller: ReadableStreamDefaultController<Uint8Array>) => {
      const end = (finish: () => void) => {
        if (!ended) finish();
        ended = true;
      };
      incoming.on("data", (chunk: Uint8Array) => {
        if (!ended) controller.enqueue(chunk);
        if ((controller.desiredSize ?? 0) <= 0) incoming.pause();
      });
      incoming.once("end", () => end(() => controller.close()));
      incoming.on("error", (error) => end(() => controller.error(this.#failure(error))));
      incoming.once("close", () => end(() => controller.error(this.#failure(undefined))));
    };
    const cancel = () => {
      ended = true;
      incoming.destroy();
    };
    return new ReadableStream({ start, pull: () => void incoming.resume(), cancel });
  }

  #failure(cause: unknown): unknown {
    if (this.#signal?.aborted) return this.#signal.reason;
    const reason = systemCode(cause);
    const details = { path: this.#path, reason };
    if (reason === "ENOENT" || reason === "ECONNREFUSED") {
      const message = `no node is running at ${this.#path}; start one with \`selvage launch\``;
      return new MeshError("NOT_RUNNING", message, { cause, details });
    }
    const why = reason === "EACCES" || reason === "EPERM"
      ? "not permitted; run this as the user who started the node"
      : "the connection broke off; the node may have stopped";
    return new MeshError("UNREACHABLE", `Cannot speak to the node at ${this.#path}: ${why}`, {
      cause,
      details,
    });
  }
}
