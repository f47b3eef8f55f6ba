/**
 * What neighbours say to each other about frames to all, on the channel `trees`:
 *
 *      0           1          2
 *     +-----------+----------+-----------------------------------------------------+
 *     | version 1 | kind     | ids: origin, 8 bytes, and number, 6 bytes, of each  |
 *     +-----------+----------+-----------------------------------------------------+
 *
 * Big-endian; origin and number as in the header of the frames (`wire/broadcast_header.ts`). Kinds, in the words of Leitão,
 * Pereira and Rodrigues, "Epidemic Broadcast Trees" (2007):
 *
 *     1  have (IHAVE)   the sender has these frames
 *     2  want (GRAFT)   send me these frames, and from now on whole frames
 *     3  less (PRUNE)   from now on say only what you have; without ids
 *
 * Not CBOR, as the other channels speak: a digest goes along with every frame over every link, and this is a third of it.
 */
import { readU16, readU32, writeU16, writeU32 } from "../wire/field.ts";
import { type LinkTag, tagBytes, tagFromBytes, tagToBytes } from "./link_tag.ts";

/** One frame: numbers are its origin's own. */
export interface FrameId {
  readonly origin: LinkTag;
  /** 0 to 2^48 − 1. */
  readonly number: number;
}

export interface GossipMessage {
  readonly kind: "have" | "want" | "less";
  readonly ids: readonly FrameId[];
}

/** In one message, so that it fits a datagram beside all headers. */
export const maxFrameIds = 64;

const version = 1;
const kinds = ["have", "want", "less"] as const;
const headerBytes = 2;
const idBytes = tagBytes + 6;
const low = 0x1_0000;

/** At most {@link maxFrameIds} ids. */
export function encodeGossip({ kind, ids }: GossipMessage): Uint8Array {
  const bytes = new Uint8Array(headerBytes + ids.length * idBytes);
  bytes.set([version, kinds.indexOf(kind) + 1]);
  for (const [index, { origin, number }] of ids.entries()) {
    const at = headerBytes + index * idBytes;
    bytes.set(tagToBytes(origin), at);
    writeU32(bytes, at + tagBytes, Math.floor(number / low));
    writeU16(bytes, at + tagBytes + 4, number % low);
  }
  return bytes;
}

/** Undefined for what comes from a newer node, or from a liar: another version or kind, a part of an id, too many ids. */
export function decodeGossip(bytes: Uint8Array): GossipMessage | undefined {
  const kind = kinds[(bytes[1] ?? 0) - 1];
  const count = (bytes.length - headerBytes) / idBytes;
  if (bytes[0] !== version || kind === undefined) return undefined;
  if (!Number.isInteger(count) || count > maxFrameIds) return undefined;
  const ids = Array.from({ length: count }, (_, index): FrameId => {
    const at = headerBytes + index * idBytes;
    const number = readU32(bytes, at + tagBytes) * low + readU16(bytes, at + tagBytes + 4);
    return { origin: tagFromBytes(bytes, at), number };
  });
  return { kind, ids };
}
