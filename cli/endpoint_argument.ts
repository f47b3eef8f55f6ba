/** Endpoints as people type them: `host`, `host:port`, `[IPv6]:port`, with names where they like. */
import { isIPv6 } from "node:net";
import { MeshError } from "../core/contracts/errors.ts";
import type { Endpoint } from "../core/contracts/values.ts";
import { resolveHost } from "../core/runtime/resolve.ts";
import { canonicalHost, formatEndpoint } from "../core/wire/endpoint.ts";
import { type NamedEndpoint, namedEndpoint } from "../core/wire/named_endpoint.ts";

/** Weave's, and so ours: control and tunnel. */
export const defaultPort = 6783;

const form = /^(?:\[([0-9a-f:.]+)\]|([^\s:[\]/]+))(?::([0-9]{1,5}))?$/i;

/** Throws `INVALID_ARGUMENT`. */
export function parseEndpointArgument(text: string): NamedEndpoint {
  const [, bracketed, bare, digits] = form.exec(text) ?? [];
  const host = isIPv6(text) ? text : bracketed ?? bare;
  const named = host === undefined
    ? undefined
    : namedEndpoint(host, digits === undefined ? defaultPort : Number(digits));
  if (named !== undefined && (bracketed === undefined || named.isLiteral)) return named;
  throw new MeshError(
    "INVALID_ARGUMENT",
    `"${text}" is not an endpoint; write a host, host:port, 198.51.100.7:6783 or [2001:db8::7]:6783`,
  );
}

/** As the API takes them, names left as they are: `host:port`. Throws `INVALID_ARGUMENT`. */
export function endpointTexts(texts: readonly string[]): readonly string[] {
  return texts.map(parseEndpointArgument).map(formatEndpoint);
}

/** With every address that a name has, in the system's order. Rejects `INVALID_ARGUMENT` and `UNREACHABLE`. */
export async function resolveEndpoints(texts: readonly string[]): Promise<readonly Endpoint[]> {
  return (await Promise.all(texts.map(parseEndpointArgument).map(resolveEndpoint))).flat();
}

/** Every address that it has, with its port. Rejects `UNREACHABLE`. */
export async function resolveEndpoint({ host, port }: NamedEndpoint): Promise<readonly Endpoint[]> {
  return (await resolveHost(host)).map((literal) => ({ host: canonicalHost(literal) ?? literal, port }));
}
