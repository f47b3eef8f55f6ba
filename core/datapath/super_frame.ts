/**
 * A super-frame: up to 64 KiB of one TCP or UDP flow behind one set of headers, which a TAP with offloads hands over, and
 * takes, in one call. `struct virtio_net_hdr` (virtio 1.2 §5.1.6, little-endian) before the Ethernet frame tells how it is cut:
 *
 *     0 flags   1 gso_type   2 hdr_len   4 gso_size   6 csum_start   8 csum_offset
 *
 * csum_start counts from the Ethernet header. With NEEDS_CHECKSUM the checksum field holds the sum of the pseudo-header alone;
 * whoever puts the frame on a real wire adds the rest. The kernel's hdr_len is a hint, and not that of the headers.
 */
import { sumView } from "../wire/checksum.ts";

export const VNET_LENGTH = 10;
export const ETHERNET_LENGTH = 14;
/** From the start of the vnet header to that of the IP header. */
export const IP_START = VNET_LENGTH + ETHERNET_LENGTH;

export const VNET_NEEDS_CHECKSUM = 1;

/** Values of gso_type. Type 3, fragments of one large UDP datagram, is not asked for at a TAP and not spoken here. */
export const Gso = { none: 0, tcp4: 1, tcp6: 4, udp: 5 } as const;
/** A bit beside the type: the first segment carries CWR (RFC 3168 §6.1.2), and no other may. */
export const GSO_ECN = 0x80;

export const EtherType = { ipv4: 0x0800, ipv6: 0x86dd } as const;
export const Upper = { tcp: 6, udp: 17 } as const;

export const TcpFlag = { fin: 0x01, psh: 0x08, ack: 0x10, ece: 0x40, cwr: 0x80 } as const;

/** Of an IP packet, its pseudo-header and headers included: what fits its length field. */
export const LARGEST_PACKET = 65_535;

/** Offset of the checksum in the header of TCP or UDP. */
export function checksumField(upper: number): number {
  return upper === Upper.tcp ? 16 : 6;
}

/** Sum of the pseudo-header of the IP packet at `ip` for `length` bytes of `upper`, unfolded. */
export function pseudoSumOf(view: DataView, ip: number, upper: number, length: number): number {
  return view.getUint8(ip) >>> 4 === 4
    ? sumView(view, ip + 12, 8, upper + length)
    : sumView(view, ip + 8, 32, upper + length);
}
