/**
 * The kind of IP packet that the data path carries by itself: whole, with its transport header whole, and of no meaning
 * to the link it is on. The rest is for the main thread, which reads fragments and extension headers as `core/wire` does.
 */
import type { Arena } from "./arena.ts";

export const ipv4 = 0x0800;
export const ipv6 = 0x86dd;

const header4 = 20;
const header6 = 40;
const IGMP = 2;
const TCP = 6;
const UDP = 17;
const SCTP = 132;
const UDP_LITE = 136;
const ICMP = 1;
const ICMPV6 = 58;
/** ICMPv6 types from here on are between neighbours, or of kinds that nobody sends to a single host far away. */
const firstLinkType = 130;
/** More fragments, and the offset of this one: what "don't fragment" and a reserved bit leave of the field. */
const fragmentBits = 0x3fff;

/**
 * Length of the packet of GRE type `protocol` at offset `at`, which has `available` bytes, padding among them; 0 for any
 * other kind.
 */
export function plainPacketLength(arena: Arena, at: number, available: number, protocol: number): number {
  if (protocol === ipv4) return plainLength4(arena, at, available);
  return protocol === ipv6 ? plainLength6(arena, at, available) : 0;
}

function plainLength4({ bytes, view }: Arena, at: number, available: number): number {
  if (available < header4 || bytes[at]! >> 4 !== 4) return 0;
  const header = (bytes[at]! & 15) << 2;
  const length = view.getUint16(at + 2);
  // With options it may be source-routed.
  if (header !== header4 || length < header || length > available) return 0;
  const next = bytes[at + 9]!;
  if ((view.getUint16(at + 6) & fragmentBits) !== 0 || next === IGMP) return 0;
  return hasWholeHeader(bytes, at + header, length - header, next) ? length : 0;
}

function plainLength6({ bytes, view }: Arena, at: number, available: number): number {
  if (available < header6 || bytes[at]! >> 4 !== 6) return 0;
  const payload = view.getUint16(at + 4);
  if (payload + header6 > available) return 0;
  const next = bytes[at + 6]!;
  if (next !== TCP && next !== UDP && next !== ICMPV6) return 0;
  if (!hasWholeHeader(bytes, at + header6, payload, next)) return 0;
  return next === ICMPV6 && bytes[at + header6]! >= firstLinkType ? 0 : header6 + payload;
}

function hasWholeHeader(bytes: Uint8Array, at: number, length: number, protocol: number): boolean {
  switch (protocol) {
    case TCP: {
      const header = length < 20 ? 0 : (bytes[at + 12]! >> 4) << 2;
      return header >= 20 && header <= length;
    }
    case UDP:
    case UDP_LITE:
    case ICMP:
    case ICMPV6:
      return length >= 8;
    case SCTP:
      return length >= 12;
    default:
      return true;
  }
}
