/**
 * Underlay endpoints as text: `192.0.2.1:6783`, `[2001:db8::1]:6783` (RFC 5952 §6). The host is an IP literal;
 * names, zones and missing ports are refused here and belong to whoever reads a configuration.
 *
 * A dual-stack socket shows an IPv4 peer as `::ffff:192.0.2.1`. Everything in this module gives the IPv4 form, else
 * one peer would have two endpoints and would seem to roam whenever the socket family changed.
 */
import type { Endpoint } from "../contracts/values.ts";
import { formatAddress, parseAddress, unmapAddress } from "./address.ts";
import { isRelayEndpoint } from "./relay_endpoint.ts";
import { streamedTo } from "./stream_endpoint.ts";

export interface EndpointOptions {
  /** Take port 0, "any free port", which only makes sense where one listens. */
  readonly allowPortZero?: boolean;
}

const form = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(0|[1-9][0-9]{0,4})$/;

/** The endpoint that `text` names, host in canonical form; undefined for anything else. */
export function parseEndpoint(text: string, options: EndpointOptions = {}): Endpoint | undefined {
  const [, bracketed, bare = "", digits] = form.exec(text) ?? [];
  const port = Number(digits ?? NaN);
  if (!isPort(port, options)) return undefined;
  if (bracketed !== undefined && !bracketed.includes(":")) return undefined;
  const host = canonicalHost(bracketed ?? bare);
  return host === undefined ? undefined : { host, port };
}

function isPort(port: number, options: EndpointOptions): boolean {
  return port <= 65_535 && (port >= 1 || (port === 0 && options.allowPortZero === true));
}

/**
 * `host:port`, an IPv6 host in brackets. A host that is no IP literal is printed as it is: this is also for logs. A place behind
 * a relay has no port: `relay/<relay>/<tag>`; one in a stream is `tcp/` and the address and port at its other end.
 */
export function formatEndpoint(endpoint: Endpoint): string {
  if (isRelayEndpoint(endpoint)) return endpoint.host;
  const streamed = streamedTo(endpoint);
  if (streamed !== undefined) return `tcp/${formatEndpoint(streamed)}`;
  const host = canonicalHost(endpoint.host) ?? endpoint.host;
  return host.includes(":") ? `[${host}]:${endpoint.port}` : `${host}:${endpoint.port}`;
}

/** The one text of an IP literal: RFC 5952 form, IPv4-mapped IPv6 as IPv4. Undefined if `host` is no literal. */
export function canonicalHost(host: string): string | undefined {
  const address = parseAddress(host);
  return address === undefined ? undefined : formatAddress(unmapAddress(address));
}

/** `endpoint` with {@link canonicalHost} applied: for addresses as a socket reports them. */
export function canonicalEndpoint(endpoint: Endpoint): Endpoint | undefined {
  const host = canonicalHost(endpoint.host);
  return host === undefined ? undefined : { host, port: endpoint.port };
}

/** Those of `known`, then what `more` has beside them: each once, in order. */
export function mergeEndpoints(known: readonly Endpoint[], more: readonly Endpoint[]): readonly Endpoint[] {
  const merged = [...known];
  for (const endpoint of more) {
    if (!merged.some((each) => sameEndpoint(each, endpoint))) merged.push(endpoint);
  }
  return merged;
}

/** Same port and same host, however the hosts are written. Equal texts, the usual case, cost no parsing. */
export function sameEndpoint(left: Endpoint, right: Endpoint): boolean {
  if (left.port !== right.port) return false;
  if (left.host === right.host) return true;
  const host = canonicalHost(left.host);
  return host !== undefined && host === canonicalHost(right.host);
}
