/**
 * What becomes of an IP packet that is larger than the path to its next node (RFC 1191 §4, RFC 8201 §3, RFC 8086 §3.2.2):
 *
 *     IPv6, or IPv4 that may not be fragmented    its sender is told what passes
 *     IPv4 that may be                            it is fragmented here, before it is sealed
 *     IPv6 of up to 1,280 bytes                   it goes as it is, and the encapsulation splits it: no IPv6 sender has to
 *                                                 send less (RFC 8200 §5)
 *
 * Fragments of the underlay are no way out: networks drop them, and their 16-bit ids repeat within a second (RFC 4963).
 */
import type { Drop } from "../contracts/drop.ts";
import { decodeIp } from "../wire/ip.ts";
import { fragmentIpv4 } from "../wire/fragment.ts";

const leastMtu6 = 1_280;

/** Packets to send in this order; or what to tell the sender; or why neither can be done. */
export type PathFit =
  | { readonly packets: readonly Uint8Array[] }
  | { readonly tooBig: number }
  | { readonly drop: Drop };

/** `mtu`: IP bytes of the largest packet that passes; undefined: not known, so nothing is too large. */
export function fitPath(bytes: Uint8Array, mtu: number | undefined): PathFit {
  if (mtu === undefined || bytes.length <= mtu) return { packets: [bytes] };
  const packet = decodeIp(bytes);
  if (typeof packet === "number") return { drop: packet };
  if (packet.family === 6) {
    const told = Math.max(mtu, leastMtu6);
    return bytes.length <= told ? { packets: [bytes] } : { tooBig: told };
  }
  if (packet.dontFragment) return { tooBig: mtu };
  const fragments = fragmentIpv4(packet, mtu);
  return typeof fragments === "number" ? { drop: fragments } : { packets: fragments };
}
