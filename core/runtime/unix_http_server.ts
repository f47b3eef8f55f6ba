/** The admin API on a unix socket. */
import { existsSync, lstatSync, mkdirSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { dirname } from "node:path";
import { MeshError } from "../contracts/errors.ts";
import { systemCode } from "./bind_error.ts";
import { HttpServer } from "./http_server.ts";
import type { CrowdCounts, FetchHandler, ListenOptions } from "./http_server.ts";
import { withUmask } from "./process.ts";
import { assertSocketPath } from "./unix_socket_path.ts";

export interface UnixHttpServer extends AsyncDisposable {
  readonly path: string;
  crowd(): CrowdCounts;
  /**
   * Takes no more connections, ends streams, lets started answers finish for a second, then closes all that is left and
   * removes the socket. Idempotent, never rejects.
   */
  close(): Promise<void>;
}

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
  options: ListenOptions = {},
): Promise<UnixHttpServer> {
  assertSocketPath(path);
  options.signal?.throwIfAborted();
  attempt(path, () => makeDirectory(dirname(path)));
  await removeStale(path);
  const server = new HttpServer(fetch, { knows: () => true, limits: options.limits });
  await server.listen({ path }, (listen) => withUmask(0o177, listen)).catch((cause) => {
    throw listenError(path, cause);
  });
  server.onError((error) => options.log?.log("error", "Admin socket failed", { path, error }));
  await refuseOpenSocket(server, path);
  server.closeOn(options.signal);
  const close = () => server.close();
  return { path, crowd: () => server.crowd(), close, [Symbol.asyncDispose]: close };
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

/** A default ACL on the directory overrides the mask (acl(5)). */
async function refuseOpenSocket(server: HttpServer, path: string): Promise<void> {
  const mode = lstatSync(path).mode & 0o777;
  if ((mode & 0o077) === 0) return;
  await server.close();
  const message = `Cannot keep ${path} private: its mode became 0${mode.toString(8)}; ` +
    "remove the default ACL of its directory or set another admin.socket";
  throw new MeshError("STATE_INSECURE", message, { details: { path } });
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
