/** Endpoints as people type them: `host`, `host:port`, `[IPv6]:port`, with names where they like. */
import { isIPv6 } from "node:net";
import { MeshError } from "../core/contracts/errors.ts";
import type { Endpoint } from "../core/contracts/values.ts";
import { resolveHost } from "../core/runtime/resolve.ts";
import { canonicalHost } from "../core/wire/endpoint.ts";

/** Weave's, and so ours: control and tunnel. */
export const defaultPort = 6783;

export interface NamedEndpoint {
  /** An IP literal without brackets, or a name. */
  readonly host: string;
  readonly port: number;
}

const form = /^(?:\[([0-9a-f:.]+)\]|([^\s:[\]/]+))(?::([0-9]{1,5}))?$/i;

/** Throws `INVALID_ARGUMENT`. */
export function parseEndpointArgument(text: string): NamedEndpoint {
  if (isIPv6(text)) return { host: text, port: defaultPort };
  const [, bracketed, bare, digits] = form.exec(text) ?? [];
  const host = bracketed ?? bare;
  const port = digits === undefined ? defaultPort : Number(digits);
  const isHost = host !== undefined && (canonicalHost(host) !== undefined || isName(host));
  if (isHost && port >= 1 && port <= 65_535) return { host, port };
  throw new MeshError(
    "INVALID_ARGUMENT",
    `"${text}" is not an endpoint; write a host, host:port, 198.51.100.7:6783 or [2001:db8::7]:6783`,
  );
}

/** RFC 1123 names; what ends in digits is a misspelt address to every resolver. */
function isName(host: string): boolean {
  const labels = host.replace(/\.$/, "").split(".");
  return host.length <= 253 && !/^\d+$/.test(labels.at(-1)!) &&
    labels.every((label) => /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(label));
}

/** With every address that a name has, in the system's order. Rejects `INVALID_ARGUMENT` and `UNREACHABLE`. */
export async function resolveEndpoints(texts: readonly string[]): Promise<readonly Endpoint[]> {
  const named = texts.map(parseEndpointArgument);
  const found = await Promise.all(
    named.map(async ({ host, port }) =>
      (await resolveHost(host)).map((literal) => ({ host: canonicalHost(literal) ?? literal, port }))
    ),
  );
  return found.flat();
}
