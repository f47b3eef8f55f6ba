import { MeshError } from "../contracts/errors.ts";
import type { Endpoint } from "../contracts/values.ts";
import { isLoopback, parseAddress } from "../wire/address.ts";
import { parseEndpoint } from "../wire/endpoint.ts";

/**
 * Reads `127.0.0.1:6784` or `[::1]:6784`. Throws `CONFIG_INVALID` for what is no endpoint, names included, and for every
 * address that others than this machine can reach: the API has no encryption of its own.
 */
export function parseLoopback(text: string): Endpoint {
  const endpoint = parseEndpoint(text, { allowPortZero: true });
  const address = endpoint && parseAddress(endpoint.host);
  if (endpoint !== undefined && address !== undefined && isLoopback(address)) return endpoint;
  const why = endpoint === undefined ? "it is no address and port" : "it can be reached from elsewhere";
  throw new MeshError(
    "CONFIG_INVALID",
    `Cannot serve the admin API on ${JSON.stringify(text)}: ${why}; write 127.0.0.1:6784 or [::1]:6784`,
  );
}
