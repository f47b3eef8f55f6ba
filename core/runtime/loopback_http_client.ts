import { MeshError } from "../contracts/errors.ts";
import { isLoopback, parseAddress } from "../wire/address.ts";
import { fetchFrom } from "./http_exchange.ts";
import type { HttpFetch } from "./http_exchange.ts";

/**
 * A `fetch` that sends every request, with the token, to the node at `base`: `http://127.0.0.1:6784`. Errors as
 * {@link fetchFrom}. Throws as {@link loopbackBase}.
 */
export function loopbackFetch(base: string | URL, token: string): HttpFetch {
  const url = loopbackBase(base);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const target = fetchFrom({ place: { host, port: Number(url.port || 80) }, name: url.origin });
  return (input, init = {}) => {
    const request = input instanceof Request ? input : undefined;
    const { pathname, search } = new URL(request?.url ?? String(input), url);
    const headers = new Headers(init.headers ?? request?.headers);
    headers.set("authorization", `Bearer ${token}`);
    return target(new Request(new URL(`${pathname}${search}`, url), request), { ...init, headers });
  };
}

/**
 * Throws `CONFIG_INVALID` for what is no URL of HTTP, and for an address outside this machine: the token would cross a
 * network in clear. A tunnel ends at an address of this machine.
 */
export function loopbackBase(base: string | URL): URL {
  const url = URL.canParse(String(base)) ? new URL(base) : undefined;
  const address = url && parseAddress(url.hostname.replace(/^\[|\]$/g, ""));
  const isOwn = url?.hostname === "localhost" || (address !== undefined && isLoopback(address));
  if (url?.protocol === "http:" && isOwn) return url;
  throw new MeshError(
    "CONFIG_INVALID",
    `Cannot reach an admin API at ${
      JSON.stringify(String(base))
    }: expected http:// and an address of this machine, ` +
      "as http://127.0.0.1:6784",
  );
}
