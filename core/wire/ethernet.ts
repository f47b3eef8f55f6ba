/**
 * Ethernet II frames (IEEE Std 802.3 §3.2.6), without preamble and frame check sequence, and VLAN tags
 * (IEEE Std 802.1Q §9.6).
 *
 *     0                   1                   2                   3
 *     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |                    Destination MAC (6 bytes)                  |
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |       Destination MAC         |        Source MAC (6 bytes)   |
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |                         Source MAC                            |
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |  EtherType, or 0x8100 / 0x88a8 |  PCP, DEI, VLAN (if a tag)   |
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */
import { Drop } from "../contracts/drop.ts";
import { readU16, writeU16 } from "./field.ts";
import { isGroupMac, macLength } from "./mac.ts";

export const ethernetHeaderLength = 14;

export const EtherType = {
  ipv4: 0x0800,
  arp: 0x0806,
  ipv6: 0x86dd,
  /** Customer VLAN tag. */
  vlan: 0x8100,
  /** Service VLAN tag, around a customer's. */
  serviceVlan: 0x88a8,
} as const;

/** The least value of the field that is a type; below, it is the length of an LLC frame (IEEE Std 802.3 §3.2.6). */
const leastType = 0x0600;
const tagLength = 4;
/** A service tag around a customer's. */
const mostTags = 2;

/** A checked frame; the arrays are views of it. */
export interface EthernetFrame {
  readonly bytes: Uint8Array;
  readonly destination: Uint8Array;
  /** Of one station: never a group's. */
  readonly source: Uint8Array;
  /** What is behind all tags. */
  readonly etherType: number;
  readonly isTagged: boolean;
  /** Behind the header and all tags, padding included. */
  readonly payload: Uint8Array;
}

/**
 * `frame` with its header and up to two VLAN tags read: malformed when it is cut, has more tags, or comes from a group
 * (IEEE Std 802 §8.2 forbids it, and a bridge that learns it sends the group's frames one way); unsupported with a length
 * in place of its type, as the protocols between bridges and switches have it.
 */
export function decodeEthernet(frame: Uint8Array): EthernetFrame | Drop {
  if (frame.length < ethernetHeaderLength) return Drop.malformed;
  const source = frame.subarray(macLength, 2 * macLength);
  if (isGroupMac(source)) return Drop.malformed;
  let offset = ethernetHeaderLength;
  for (let tags = 0; isTag(readU16(frame, offset - 2)); tags++) {
    offset += tagLength;
    if (tags === mostTags || offset > frame.length) return Drop.malformed;
  }
  const etherType = readU16(frame, offset - 2);
  if (etherType < leastType) return Drop.unsupported;
  return {
    bytes: frame,
    destination: frame.subarray(0, macLength),
    source,
    etherType,
    isTagged: offset > ethernetHeaderLength,
    payload: frame.subarray(offset),
  };
}

function isTag(type: number): boolean {
  return type === EtherType.vlan || type === EtherType.serviceVlan;
}

/** A new frame around a copy of `payload`, not padded: a device that needs 60 bytes pads by itself. */
export function encodeEthernet(
  destination: Uint8Array,
  source: Uint8Array,
  etherType: number,
  payload: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(ethernetHeaderLength + payload.length);
  frame.set(destination);
  frame.set(source, macLength);
  writeU16(frame, 2 * macLength, etherType);
  frame.set(payload, ethernetHeaderLength);
  return frame;
}

/** A copy of `frame` with another destination. */
export function redirectFrame(frame: Uint8Array, destination: Uint8Array): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(frame);
  copy.set(destination);
  return copy;
}
