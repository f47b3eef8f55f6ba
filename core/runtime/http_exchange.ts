/**
 * `fetch` over a connection of one's own choosing, alike on both runtimes: neither runtime's own can do it on both. One
 * connection per request and none kept: nothing is left open when the answer has been read, and a command line ends at
 * once.
 */
import type { ClientRequest, IncomingMessage } from "node:http";
import { MeshError } from "../contracts/errors.ts";
import { systemCode } from "./bind_error.ts";
import { nodeHttp } from "./node_http.ts";

/** As `fetch`, for `http:` alone. A path without a host, `/v1/status`, is a URL too. */
export type HttpFetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** Where requests go, whatever host their URL names. */
export interface HttpTarget {
  readonly place: { readonly socketPath: string } | { readonly host: string; readonly port: number };
  /** In error messages. */
  readonly name: string;
}

/** Statuses whose answers have no body, not even an empty one (Fetch, "null body status"). */
const bodiless: readonly number[] = [204, 205, 304];

/**
 * A `fetch` that sends every request to `target`; the host that its URL names goes into the Host header. Bodies of
 * requests are collected, those of answers are streamed. Redirects are not followed.
 *
 * Rejects `NOT_RUNNING` when nobody listens, `UNREACHABLE` when the connection is refused or breaks off, and with the
 * signal's reason when it aborts.
 */
export function fetchFrom(target: HttpTarget): HttpFetch {
  return async (input, init = {}) => {
    const signal = init.signal ?? (input instanceof Request ? input.signal : undefined);
    signal?.throwIfAborted();
    const url = input instanceof Request ? input : new URL(input, "http://localhost");
    // Without the signal: a Request would listen to it for as long as it lives.
    const request = new Request(url, { ...init, signal: null });
    const body = request.body === null ? undefined : new Uint8Array(await request.arrayBuffer());
    return await new Exchange(target, signal).send(request, body);
  };
}

/** One request and its answer. */
class Exchange {
  readonly #target: HttpTarget;
  readonly #signal: AbortSignal | undefined;

  constructor(target: HttpTarget, signal: AbortSignal | undefined) {
    this.#target = target;
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
    return nodeHttp().request({
      ...this.#target.place,
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
    const { name } = this.#target;
    const reason = systemCode(cause);
    const details = { path: name, reason };
    if (reason === "ENOENT" || reason === "ECONNREFUSED") {
      const message = `no node is running at ${name}; start one with \`selvage launch\``;
      return new MeshError("NOT_RUNNING", message, { cause, details });
    }
    const why = reason === "EACCES" || reason === "EPERM"
      ? "not permitted; run this as the user who started the node"
      : "the connection broke off; the node may have stopped";
    return new MeshError("UNREACHABLE", `Cannot speak to the node at ${name}: ${why}`, { cause, details });
  }
}
