/**
 * What an ICMP error quotes of the packet it is about: enough to find whose packet failed.
 *
 * A quote is cut somewhere and routers may have changed its hop limit and checksums, so neither lengths nor checksums
 * are held against it, and the strict decoders are of no use here. Nor is it evidence: anybody can write one. A caller
 * believes an error only if it names a flow the caller has (RFC 5927 §4).
 */
import type { Address } from "../contracts/values.ts";
import { Ipv4Packet } from "./ipv4.ts";
import { ipv6HeaderLength, Ipv6Packet, walkIpv6Headers } from "./ipv6.ts";
import type { IpPacket } from "./ip.ts";

/** RFC 792: every error quotes at least this much beyond the IP header. */
const leastPayload = 8;

export interface Quote {
  readonly source: Address;
  readonly destination: Address;
  readonly protocol: number;
  /** The first bytes of the upper-layer header, 8 or more: both ports, or identifier and sequence of an echo. */
  readonly payload: Uint8Array;
}

/** Reads the `quote` of an ICMP error; undefined if addresses, protocol and 8 bytes of a first fragment are not there. */
export function parseQuote(quote: Uint8Array): Quote | undefined {
  const packet = quotedPacket(quote);
  if (packet === undefined || packet.fragmentOffset > 0 || packet.payload.length < leastPayload) {
    return undefined;
  }
  const { source, destination, protocol, payload } = packet;
  return { source, destination, protocol, payload };
}

function quotedPacket(quote: Uint8Array): IpPacket | undefined {
  const version = quote.length === 0 ? 0 : quote[0]! >>> 4;
  if (version === 4) {
    const headerLength = (quote[0]! & 15) * 4;
    return headerLength >= 20 && quote.length >= headerLength
      ? new Ipv4Packet(quote, headerLength)
      : undefined;
  }
  if (version !== 6 || quote.length < ipv6HeaderLength) return undefined;
  const chain = walkIpv6Headers(quote);
  return typeof chain === "number" ? undefined : new Ipv6Packet(quote, chain);
}
