import { foldSum, sumWords } from "../wire/checksum.ts";

/**
 * What a TAP with IFF_VNET_HDR puts before each frame, `struct virtio_net_hdr` (virtio 1.2 §5.1.6), in little-endian order:
 *
 *     0 flags   1 gso_type   2 hdr_len   4 gso_size   6 csum_start   8 csum_offset
 *
 * All zero means a whole frame with whole checksums.
 */
export const VNET_HEADER_LENGTH = 10;

const NEEDS_CHECKSUM = 1;
const GSO_NONE = 0;

/**
 * Makes the frame behind the header whole, in place: where its checksum field holds only the sum of the pseudo-header, the
 * rest is added. False for what cannot be made whole here: a frame that is still to be cut into segments, or whose header
 * points outside of it. The kernel hands over whole frames while no offload is asked for; a frame that waited in its
 * queue when another user of the device still asked for them may be different.
 */
export function completeFrame(packet: Uint8Array): boolean {
  if (packet.length < VNET_HEADER_LENGTH || packet[1] !== GSO_NONE) return false;
  if ((packet[0]! & NEEDS_CHECKSUM) === 0) return true;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const start = VNET_HEADER_LENGTH + view.getUint16(6, true);
  const field = start + view.getUint16(8, true);
  if (field + 2 > packet.length) return false;
  const sum = ~foldSum(sumWords(packet, start, packet.length - start)) & 0xffff;
  // For UDP zero says that there is no checksum; for all others both forms of zero are the same (RFC 1624 §3).
  view.setUint16(field, sum === 0 ? 0xffff : sum);
  return true;
}
