/** Overlay packets as the plaintext of data messages: GRE, and nothing else. */
import { Drop } from "../../core/contracts/drop.ts";
import type { OverlayPacket } from "../../core/contracts/encapsulation.ts";
import { decodeGre, encodeGre, type GrePacket, GreProtocol } from "../../core/wire/gre.ts";
import { finishChecksum } from "../../core/wire/partial_checksum.ts";
import { transportOverhead } from "./wire.ts";

/** Longest GRE packet whose datagram UDP over IPv4 still carries. */
export const longestGre = 65_507 - transportOverhead;
const headerLength = 4;
const payloadTypes: ReadonlySet<number> = new Set(Object.values(GreProtocol));

/** `packet` as GRE, in fresh memory. */
export function encodeRecord({ protocol, payload }: OverlayPacket): Uint8Array | Drop {
  if (headerLength + payload.length > longestGre) return Drop.tooBig;
  if (!payloadTypes.has(protocol)) return Drop.unsupported;
  return encodeGre({ protocol: protocol as GreProtocol }, payload);
}

/**
 * The packet in `plaintext`, a view of it. With `partialChecksum` the key of the GRE header is where a checksum is still
 * missing (from the IP header to TCP or UDP in its upper half, on to the field in its lower), and it is finished there.
 */
export function decodeRecord(
  plaintext: Uint8Array,
  forwarded: boolean,
  partialChecksum: boolean,
): OverlayPacket | Drop {
  const gre = decodeGre(plaintext);
  if (typeof gre === "number") return gre;
  const drop = partialChecksum && gre.key !== undefined ? finish(gre, gre.key) : Drop.none;
  return drop === Drop.none ? { protocol: gre.protocol, payload: gre.payload, forwarded } : drop;
}

/**
 * Whether a packet can cross in plain. Not what members say to each other: who is on the path might say it in their name.
 * Nor Ethernet frames, of which no source is checked against a peer's addresses.
 */
export function mayBePlain(protocol: number): boolean {
  return protocol === GreProtocol.ipv4 || protocol === GreProtocol.ipv6;
}

function finish({ protocol, payload }: GrePacket, key: number): Drop {
  const isIp = protocol === GreProtocol.ipv4 || protocol === GreProtocol.ipv6;
  return isIp ? finishChecksum(payload, key >>> 16, key & 0xffff) : Drop.malformed;
}
