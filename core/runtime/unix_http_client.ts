import { fetchFrom } from "./http_exchange.ts";
import type { HttpFetch } from "./http_exchange.ts";
import { assertSocketPath } from "./unix_socket_path.ts";

/**
 * A `fetch` that sends every request to the socket at `path`. Errors as {@link fetchFrom}; throws `CONFIG_INVALID` for a
 * path that no socket can have.
 */
export function unixFetch(path: string): HttpFetch {
  assertSocketPath(path);
  return fetchFrom({ place: { socketPath: path }, name: path });
}
