/**
 * Packets as a file that Wireshark reads: pcapng (draft-ietf-opsawg-pcapng), little-endian, one section.
 *
 *     block:   type:4  length:4  body, padded to 4 bytes  length:4
 *     option:  code:2  length:2  value, padded to 4 bytes;  0, 0 ends the list
 *
 * Not the older pcap: it has one link type for all packets and no place for a direction or for the peer.
 */
import { concatBytes } from "../../core/wire/bytes.ts";

/** From the registry of link types: an IP packet of either version, and an Ethernet frame. */
export const LinkType = { raw: 101, ethernet: 1 } as const;
export type LinkType = (typeof LinkType)[keyof typeof LinkType];

export interface CaptureLink {
  readonly name: string;
  readonly linkType: LinkType;
}

export interface CapturedPacket {
  /** Index among the links of the header. */
  readonly link: number;
  /** Nanoseconds since the Unix epoch. */
  readonly time: bigint;
  readonly direction: "in" | "out";
  readonly bytes: Uint8Array;
  /** Shown beside the packet. */
  readonly comment: string;
}

const BlockType = { section: 0x0a0d_0d0a, link: 1, packet: 6 } as const;
const Option = { end: 0, comment: 1, linkName: 2, packetFlags: 2, timeResolution: 9 } as const;
const byteOrderMagic = 0x1a2b_3c4d;
const directionFlags = { in: 1, out: 2 } as const;
/** Times count 10^-9 seconds. */
const nanoseconds = Uint8Array.of(9);
const utf8 = new TextEncoder();

/** What a file begins with. */
export function captureHeader(links: readonly CaptureLink[]): Uint8Array {
  // Version 1.0, and a length of the section that is not known: −1 in 64 bits.
  const section = block(BlockType.section, words(byteOrderMagic, 1, 0xffff_ffff, 0xffff_ffff));
  return concatBytes(section, ...links.map(linkBlock));
}

export function packetBlock({ link, time, direction, bytes, comment }: CapturedPacket): Uint8Array {
  const high = Number(time >> 32n);
  const low = Number(time & 0xffff_ffffn);
  return block(
    BlockType.packet,
    words(link, high, low, bytes.length, bytes.length),
    padded(bytes),
    option(Option.comment, utf8.encode(comment)),
    option(Option.packetFlags, words(directionFlags[direction])),
    option(Option.end, new Uint8Array()),
  );
}

/** A link whose packets are never cut: a snap length of 0. */
function linkBlock({ name, linkType }: CaptureLink): Uint8Array {
  return block(
    BlockType.link,
    words(linkType, 0),
    option(Option.linkName, utf8.encode(name)),
    option(Option.timeResolution, nanoseconds),
    option(Option.end, new Uint8Array()),
  );
}

function block(type: number, ...body: readonly Uint8Array[]): Uint8Array {
  const length = 12 + body.reduce((sum, part) => sum + part.length, 0);
  return concatBytes(words(type, length), ...body, words(length));
}

function option(code: number, value: Uint8Array): Uint8Array {
  return concatBytes(words(value.length << 16 | code), padded(value));
}

function padded(bytes: Uint8Array): Uint8Array {
  const rest = bytes.length & 3;
  return rest === 0 ? bytes : concatBytes(bytes, new Uint8Array(4 - rest));
}

function words(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) view.setUint32(4 * index, value, true);
  return bytes;
}
