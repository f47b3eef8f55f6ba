/** The admin API of a node on a unix socket. */
import type { AdminApp } from "../core/admin/app.ts";
import type { Logger } from "../core/contracts/host.ts";
import type { MeshNode } from "../core/contracts/node.ts";
import { silentLogger } from "../core/node/silent_logger.ts";
import { systemClock } from "../core/runtime/clock.ts";
import { listenUnix } from "../core/runtime/unix_http_server.ts";
import { version } from "./version.ts";

export interface ServeAdminOptions {
  /** Path of the socket: at most 107 bytes. Its directory is made, mode 0700, when it is missing. */
  readonly socket: string;
  /** Audit of calls, and failures; nothing is logged without one. */
  readonly log?: Logger;
  /** What `POST /v1/stop` does; the node is disposed by default. */
  readonly stop?: () => void;
}

/** Disposing it closes the socket and removes it; the node goes on. */
export interface AdminServer extends AsyncDisposable {
  readonly socket: string;
}

/**
 * Serves the admin API until it is disposed. The socket has mode 0600 from its first moment: who may open it may do
 * everything. Rejects `ALREADY_RUNNING`, `BIND_FAILED`, `CONFIG_INVALID` for a path that no socket can have, and
 * `STATE_INSECURE` where the directory's rules would open the socket to others.
 */
export async function serveAdmin(node: MeshNode, options: ServeAdminOptions): Promise<AdminServer> {
  const { socket, log = silentLogger } = options;
  const stop = options.stop ?? (() => void node[Symbol.asyncDispose]());
  // Loaded by the first request: a node that starts should not wait for routes and schemas that nobody asks for yet.
  let app: Promise<AdminApp> | undefined;
  const load = async () => {
    const { createAdminApp } = await import("../core/admin/app.ts");
    return createAdminApp({ node, log, clock: systemClock(), stop, version });
  };
  const answer = async (request: Request) => (await (app ??= load())).fetch(request);
  const server = await listenUnix(answer, socket, { log });
  return { socket: server.path, [Symbol.asyncDispose]: () => server.close() };
}
