/**
 * Whom to count together when strangers are held to a rate or a share. An IPv4 address stands for one host; of IPv6 any
 * host may have a /64 (RFC 6177 §2), so its addresses are one source, or each of 2^64 would have a share of its own.
 */
import { parseAddress, unmapAddress } from "./address.ts";
import { encodeHex } from "./hex.ts";

const networkBytes = 8;

/** `host` itself, or the name of its /64 for an IPv6 literal; IPv4-mapped IPv6 counts as IPv4. Names stand for themselves. */
export function sourceOf(host: string): string {
  if (!host.includes(":")) return host;
  const address = parseAddress(host);
  if (address === undefined) return host;
  const { family, bytes } = unmapAddress(address);
  return family === 4 ? bytes.join(".") : `${encodeHex(bytes.subarray(0, networkBytes))}/64`;
}
