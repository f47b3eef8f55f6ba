/** The control message that names the address of this host which a datagram leaves from, as `sendmsg` takes it. */
import type { Arena } from "./arena.ts";
import { ErrorNumber } from "./packet_io.ts";
import { IP_PKTINFO, IPV6_PKTINFO, SOL_IP, SOL_IPV6 } from "./source_address.ts";

/** A header of 16 bytes, then `struct in6_pktinfo` of 20 or `struct in_pktinfo` of 12, filled up to 8. */
const headerLength = 16;
const length6 = headerLength + 20;
const span6 = 40;
const length4 = headerLength + 12;
const span4 = 32;

/** Bytes of the longer one. */
export const sourceMessageSpan: number = span6;

/**
 * Writes it so that it ends at `end`, with another one behind it or none, and gives its bytes. `source` is the offset of the
 * address, `family` that of the socket: one of IPv6 takes IPv4 as mapped, here as everywhere. The number of an interface is
 * zero, for any: the way there may change.
 */
export function writeSourceMessage(arena: Arena, end: number, source: number, family: 4 | 6): number {
  const { view } = arena;
  const is6 = family === 6;
  const span = is6 ? span6 : span4;
  const at = end - span;
  view.setUint32(at, is6 ? length6 : length4, true);
  view.setUint32(at + 4, 0, true);
  view.setInt32(at + 8, is6 ? SOL_IPV6 : SOL_IP, true);
  view.setInt32(at + 12, is6 ? IPV6_PKTINFO : IP_PKTINFO, true);
  const data = at + headerLength;
  if (is6) {
    for (let i = 0; i < 16; i += 4) view.setInt32(data + i, view.getInt32(source + i));
    view.setInt32(data + 16, 0);
  } else {
    view.setInt32(data, 0);
    view.setInt32(data + 4, view.getInt32(source + 12));
    view.setInt32(data + 8, 0);
  }
  return span;
}

/** Whether a call may have failed because the address is not this host's any more: IPv6 says it one way, IPv4 another. */
export function isRefusalOfSource(result: number): boolean {
  return result === ErrorNumber.invalid || result === ErrorNumber.addressNotAvailable ||
    result === ErrorNumber.networkUnreachable;
}
