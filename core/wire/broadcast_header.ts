/**
 * The header of a frame to all that travels a tree of nodes: who sent it, and which one it is, so that every node
 * delivers it once although it may come by several ways.
 *
 *     0                   1                   2                   3
 *     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |                                                               |
 *    +              Origin: first 8 bytes of its PeerId              +
 *    |                                                               |
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |                Number, 48 bits, grows with each               |
 *    +                               +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |                               |     Hops      |     Flags     |
 *    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *    |               Ethernet frame, without its FCS                 |
 *
 * Big-endian. Hops: links that the frame may cross behind the one that it has just come by. Flags: none is in use. The
 * upper four are for what a receiver has to understand, so one that is set means a frame to drop; the lower four are
 * passed on as they came.
 *
 * It is the payload of GRE type 0x88b6, the second EtherType that IEEE Std 802 leaves for experiments; the first one has
 * the control messages. A node that does not know the type drops and counts it. The fields of GRE itself were rejected:
 * the key of RFC 2890 says already where a checksum is to be finished, its sequence number is of one tunnel and wraps at
 * 32 bits, and a node that ignored both would deliver the frame as often as it comes, from whoever brings it.
 *
 * There is no signature: one costs more than all else that is done with a frame. What is known is the neighbour that
 * brought it, by the session.
 */
import { Drop } from "../contracts/drop.ts";
import { readU16, readU32, writeU16, writeU32 } from "./field.ts";

/** What both sides of a session name in their handshake when they take frames with this header. */
export const broadcastFeature = "broadcast_tree";
/** What both name beside it when they say to each other which frames they have, and take frames from any neighbour. */
export const gossipFeature = "broadcast_gossip";

export const originLength = 8;
export const broadcastHeaderLength = 16;
/** Numbers are below it. */
export const numberLimit = 2 ** 48;
const understoodFlags = 0x0f;
const low = 0x1_0000;

export interface BroadcastHeader {
  /** 8 bytes; of what was decoded, a view. */
  readonly origin: Uint8Array;
  /** 0 to 2^48 − 1. */
  readonly number: number;
  /** 0 to 255. */
  readonly hops: number;
  /** 0 to 255; of what was decoded, at most 15. */
  readonly flags: number;
}

export interface BroadcastFrame extends BroadcastHeader {
  /** A view of what was decoded, and not looked at: it may be too short for a frame. */
  readonly frame: Uint8Array;
}

/** Malformed when it is shorter than a header, unsupported with a flag that has to be understood. */
export function decodeBroadcast(payload: Uint8Array): BroadcastFrame | Drop {
  if (payload.length < broadcastHeaderLength) return Drop.malformed;
  const flags = payload[15]!;
  if ((flags & ~understoodFlags) !== 0) return Drop.unsupported;
  return {
    origin: payload.subarray(0, originLength),
    number: readU32(payload, 8) * low + readU16(payload, 12),
    hops: payload[14]!,
    flags,
    frame: payload.subarray(broadcastHeaderLength),
  };
}

/** Header and frame in a new array. */
export function encodeBroadcast(header: BroadcastHeader, frame: Uint8Array): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(broadcastHeaderLength + frame.length);
  payload.set(header.origin.subarray(0, originLength));
  writeU32(payload, 8, Math.floor(header.number / low));
  writeU16(payload, 12, header.number % low);
  payload[14] = header.hops;
  payload[15] = header.flags;
  payload.set(frame, broadcastHeaderLength);
  return payload;
}
