/** The admin API on TCP, for this machine alone. */
import type { Endpoint } from "../contracts/values.ts";
import { MeshError } from "../contracts/errors.ts";
import { formatEndpoint } from "../wire/endpoint.ts";
import { systemCode } from "./bind_error.ts";
import { HttpServer } from "./http_server.ts";
import type { CrowdCounts, FetchHandler, HttpServerOptions, ListenOptions } from "./http_server.ts";

export interface LoopbackHttpServer extends AsyncDisposable {
  /** With the port that the system chose, where none was asked for. */
  readonly endpoint: Endpoint;
  crowd(): CrowdCounts;
  /** As that of the unix socket. */
  close(): Promise<void>;
}

/**
 * Serves `fetch` on an endpoint of the loopback. Every local user and every page in a browser can connect to it, so the
 * handler has to ask who it is; `knows` tells whose connections are worth keeping. Rejects `BIND_FAILED`.
 */
export async function listenLoopback(
  fetch: FetchHandler,
  endpoint: Endpoint,
  options: ListenOptions & Pick<HttpServerOptions, "knows">,
): Promise<LoopbackHttpServer> {
  options.signal?.throwIfAborted();
  const server = new HttpServer(fetch, { knows: options.knows, limits: options.limits });
  await server.listen({ host: endpoint.host, port: endpoint.port }).catch((cause) => {
    throw bindFailure(endpoint, cause);
  });
  const bound = { host: endpoint.host, port: server.port() ?? endpoint.port };
  const place = formatEndpoint(bound);
  server.onError((error) => options.log?.log("error", "Admin listener failed", { endpoint: place, error }));
  server.closeOn(options.signal);
  const close = () => server.close();
  return { endpoint: bound, crowd: () => server.crowd(), close, [Symbol.asyncDispose]: close };
}

function bindFailure(endpoint: Endpoint, cause: unknown): MeshError {
  const reason = systemCode(cause);
  const why = reason === "EADDRINUSE"
    ? "address in use; stop the program that holds it, or set another admin.listen"
    : `${cause instanceof Error ? cause.message : String(cause)}; set another admin.listen`;
  const message = `Cannot serve the admin API on ${formatEndpoint(endpoint)}: ${why}`;
  return new MeshError("BIND_FAILED", message, { cause, details: { reason } });
}
