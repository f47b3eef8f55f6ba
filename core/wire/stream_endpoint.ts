/**
 * Places at the other end of a connection that carries datagrams, where a network lets nothing else through. As a place behind
 * a relay (`relay_endpoint.ts`), one stands wherever an endpoint of the underlay may stand, and no text of a configuration and
 * no address of a socket is ever taken for one.
 *
 *     { host: "tcp/<IP literal>", port }
 *
 * Host and port are those of the listener where this node has dialled, and of the other side's socket where it has: only the
 * former can be dialled again.
 */
import type { Endpoint } from "../contracts/values.ts";

const prefix = "tcp/";

export function streamEndpoint({ host, port }: Endpoint): Endpoint {
  return { host: `${prefix}${host}`, port };
}

export function isStreamHost(host: string): boolean {
  return host.startsWith(prefix);
}

export function isStreamEndpoint({ host }: Endpoint): boolean {
  return isStreamHost(host);
}

/** The address and port there; undefined for all other endpoints. */
export function streamedTo({ host, port }: Endpoint): Endpoint | undefined {
  return isStreamHost(host) ? { host: hostOfStream(host), port } : undefined;
}

/** The address in a host of such a place. */
export function hostOfStream(host: string): string {
  return host.slice(prefix.length);
}
