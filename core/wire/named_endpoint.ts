/**
 * Endpoints as operators write them: like {@link Endpoint}, but the host may still be a DNS name. Nothing is sent to one
 * before somebody has resolved it.
 */
import { canonicalHost } from "./endpoint.ts";

export interface NamedEndpoint {
  /** An IP literal in canonical form, or a DNS name in lower case. */
  readonly host: string;
  readonly port: number;
  readonly isLiteral: boolean;
}

const form = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+)):([1-9][0-9]{0,4})$/;
/** RFC 1123 §2.1, with the underscore that service names have. */
const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
const longestName = 253;

/** The endpoint that `host:port` or `[IPv6]:port` names; undefined for anything else. */
export function parseNamedEndpoint(text: string): NamedEndpoint | undefined {
  const [, bracketed, bare = "", digits] = form.exec(text) ?? [];
  const named = digits === undefined ? undefined : namedEndpoint(bracketed ?? bare, Number(digits));
  return bracketed !== undefined && named?.isLiteral !== true ? undefined : named;
}

/** The same of its parts; an IPv6 host without brackets. */
export function namedEndpoint(host: string, port: number): NamedEndpoint | undefined {
  if (!Number.isInteger(port) || port < 1 || port > 65_535) return undefined;
  const literal = canonicalHost(host);
  if (literal !== undefined) return { host: literal, port, isLiteral: true };
  const name = host.toLowerCase().replace(/\.$/, "");
  return isDnsName(name) ? { host: name, port, isLiteral: false } : undefined;
}

/** A name that ends in a number is a misspelt IPv4 address to every resolver, so it is refused here. */
function isDnsName(name: string): boolean {
  const labels = name.split(".");
  const last = labels.at(-1)!;
  return name.length <= longestName && labels.every((part) => label.test(part)) && !/^[0-9]+$/.test(last);
}
