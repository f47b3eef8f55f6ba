/**
 * Whom to count together when strangers are held to a rate or a share. An IPv4 address stands for one host; of IPv6 any
 * host may have a /64 (RFC 6177 §2), so its addresses are one source, or each of 2^64 would have a share of its own.
 */
import { parseAddress, unmapAddress } from "./address.ts";
import { encodeHex } from "./hex.ts";
import { isRelayHost } from "./relay_endpoint.ts";
import { hostOfStream, isStreamHost } from "./stream_endpoint.ts";

const networkBytes = 8;

/**
 * `host` itself, or the name of its /64 for an IPv6 literal; IPv4-mapped IPv6 counts as IPv4. Names stand for themselves. All that
 * comes through one relay is one source: tags behind it are the relay's to make up.
 */
export function sourceOf(host: string): string {
  if (isRelayHost(host)) return host.slice(0, host.lastIndexOf("/"));
  if (isStreamHost(host)) return sourceOf(hostOfStream(host));
  if (!host.includes(":")) return host;
  const address = parseAddress(host);
  if (address === undefined) return host;
  const { family, bytes } = unmapAddress(address);
  return family === 4 ? bytes.join(".") : `${encodeHex(bytes.subarray(0, networkBytes))}/64`;
}
