/**
 * Fragments of an IPv4 packet that is larger than its path (RFC 791 §3.2, "An Example Fragmentation Procedure").
 *
 * IPv6 has nothing of the kind: only the source of a packet divides it (RFC 8200 §5), so who is on the way tells it
 * "packet too big".
 */
import { Drop } from "../contracts/drop.ts";
import { checksum } from "./checksum.ts";
import { writeU16 } from "./field.ts";
import { ipv4HeaderLength, type Ipv4Packet } from "./ipv4.ts";

/** Fragments carry multiples of this many bytes, but for the last one. */
const unit = 8;
const moreFragments = 0x2000;
const endOfOptions = 0;
const noOperation = 1;
/** In the type of an option: it stands in every fragment, not in the first alone. */
const copied = 0x80;

/**
 * `packet` as fragments of at most `mtu` bytes each, in order and in memory of their own; the packet itself, uncopied,
 * if it is no larger. A fragment is divided further like any other packet. Too big is one that may not be fragmented,
 * and any if its header and 8 bytes exceed `mtu`; that happens below 68 only, which every link of IPv4 carries.
 */
export function fragmentIpv4(packet: Ipv4Packet, mtu: number): readonly Uint8Array[] | Drop {
  const { bytes, payloadOffset } = packet;
  if (bytes.length <= mtu) return [bytes];
  if (packet.dontFragment || payloadOffset + unit > mtu) return Drop.tooBig;
  const laterHeader = headerOfLater(packet);
  const fragments: Uint8Array[] = [];
  let header = bytes.subarray(0, payloadOffset);
  let at = payloadOffset;
  while (at < bytes.length) {
    const room = mtu - header.length;
    const rest = bytes.length - at;
    const length = rest <= room ? rest : room - room % unit;
    fragments.push(fragmentOf(packet, header, { at, end: at + length }));
    header = laterHeader;
    at += length;
  }
  return fragments;
}

/** The part of the packet's payload from `at` to `end`, counted in the packet, behind a copy of `header`. */
function fragmentOf(
  packet: Ipv4Packet,
  header: Uint8Array,
  { at, end }: { readonly at: number; readonly end: number },
): Uint8Array {
  const { bytes, payloadOffset } = packet;
  const fragment = new Uint8Array(header.length + end - at);
  fragment.set(header);
  fragment.set(bytes.subarray(at, end), header.length);
  writeU16(fragment, 2, fragment.length);
  const isLast = end === bytes.length && !packet.moreFragments;
  const offset = (packet.fragmentOffset + at - payloadOffset) / unit;
  writeU16(fragment, 6, (isLast ? 0 : moreFragments) | offset);
  writeU16(fragment, 10, 0);
  writeU16(fragment, 10, checksum(fragment, 0, header.length));
  return fragment;
}

/** The header with those options only that are copied into every fragment, ended and padded to 4 bytes. */
function headerOfLater({ bytes, payloadOffset }: Ipv4Packet): Uint8Array {
  const header = new Uint8Array(payloadOffset);
  header.set(bytes.subarray(0, ipv4HeaderLength));
  let length = ipv4HeaderLength;
  for (let at = ipv4HeaderLength; at < payloadOffset && bytes[at] !== endOfOptions;) {
    const type = bytes[at]!;
    const next = at + (type === noOperation ? 1 : bytes[at + 1]!);
    if ((type & copied) !== 0) {
      header.set(bytes.subarray(at, next), length);
      length += next - at;
    }
    at = next;
  }
  const padded = length + (-length & 3);
  header[0] = 0x40 | (padded / 4);
  return header.subarray(0, padded);
}
