/**
 * Frames by which joins find loops, also one that nobody talks through: sent into every joined bridge once a second, and
 * never to come back.
 *
 *     destination 0a:5e:00:01 and the number of the join, source 0a:5e:00:00:00:00, type 0x88b5, then
 *
 *     +-----------+---------------------+------------------+-----------------------+----------------+
 *     | version 1 | network, 8 bytes    | join, 2 bytes    | joined at, 8 bytes,   | node, 8 bytes  |
 *     |           |                     |                  | ms since 1970         | by chance      |
 *     +-----------+---------------------+------------------+-----------------------+----------------+
 *
 * Both MACs stand for addresses of 0.0.0.0/8, which nobody has. One that comes in at any join has found a second way from
 * its join to that one; when it is another node's, then the cable is joined to the mesh twice. The join that was made
 * later yields; one of two that know of each other does, because both compare the same.
 */
import { readU16, readU32, writeU16, writeU32 } from "../../core/wire/field.ts";
import { equalBytes } from "../../core/wire/bytes.ts";
import { decodeEthernet, encodeEthernet } from "../../core/wire/ethernet.ts";

export const probeType = 0x88b5;
export const probeSource: Uint8Array = Uint8Array.of(0x0a, 0x5e, 0, 0, 0, 0);
const version = 1;
const payloadLength = 27;
export const probeIdLength = 8;

export interface LoopProbe {
  /** 8 bytes. */
  readonly network: Uint8Array;
  /** Number of the join that it was sent into. */
  readonly join: number;
  /** When that was joined, by the wall clock; whole milliseconds. */
  readonly since: number;
  /** 8 bytes that no other node has. */
  readonly node: Uint8Array;
}

/** Where our bridge sends a probe for this join: its table has a static entry. */
export function probeMac(join: number): Uint8Array {
  return Uint8Array.of(0x0a, 0x5e, 0, 1, join >>> 8, join & 0xff);
}

export function encodeProbe({ network, join, since, node }: LoopProbe): Uint8Array {
  const payload = new Uint8Array(payloadLength);
  payload[0] = version;
  payload.set(network, 1);
  writeU16(payload, 9, join);
  writeU32(payload, 11, Math.floor(since / 0x1_0000_0000));
  writeU32(payload, 15, since >>> 0);
  payload.set(node, 19);
  return encodeEthernet(probeMac(join), probeSource, probeType, payload);
}

/** Undefined for any other frame, and for a probe of another version. Its MACs were changed on its way in. */
export function decodeProbe(frame: Uint8Array): LoopProbe | undefined {
  const ethernet = decodeEthernet(frame);
  if (typeof ethernet === "number" || ethernet.isTagged || ethernet.etherType !== probeType) return undefined;
  const { payload } = ethernet;
  if (payload.length < payloadLength || payload[0] !== version) return undefined;
  return {
    network: payload.slice(1, 9),
    join: readU16(payload, 9),
    since: readU32(payload, 11) * 0x1_0000_0000 + readU32(payload, 15),
    node: payload.slice(19, 27),
  };
}

/** Where a probe came in, and when that was joined. */
export type Arrival = LoopProbe;

/**
 * Which join of this node has to yield to the probe that came in at `arrival`: that one, the one that it was sent into,
 * or none of ours, as another node will see to it or has nothing to do with this network.
 */
export function yielding(probe: LoopProbe, arrival: Arrival): "arrival" | "origin" | "none" {
  if (!equalBytes(probe.network, arrival.network)) return "none";
  const isOwn = equalBytes(probe.node, arrival.node);
  if (isOwn && probe.join === arrival.join) return "arrival";
  const isLater = probe.since - arrival.since || compare(probe.node, arrival.node) ||
    probe.join - arrival.join;
  if (isLater < 0) return "arrival";
  return isOwn ? "origin" : "none";
}

function compare(left: Uint8Array, right: Uint8Array): number {
  for (let i = 0; i < probeIdLength; i++) {
    if (left[i] !== right[i]) return left[i]! - right[i]!;
  }
  return 0;
}
