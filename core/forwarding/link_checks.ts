/** What is checked of frames in both directions. */
import type { Drop } from "../contracts/drop.ts";
import type { Address } from "../contracts/values.ts";
import { isMulticast } from "../wire/address.ts";
import { type EthernetFrame, EtherType } from "../wire/ethernet.ts";
import type { IpPacket } from "../wire/ip.ts";
import { decodeIpv4 } from "../wire/ipv4.ts";
import { decodeIpv6 } from "../wire/ipv6.ts";
import { isBroadcastMac, isGroupMac, macOfGroup, sameMac } from "../wire/mac.ts";
import type { LinkView } from "./link.ts";

/** The IP packet in a frame, behind its tags; undefined in a frame of another type. */
export function decodeFrameIp(
  { etherType, payload }: Pick<EthernetFrame, "etherType" | "payload">,
): IpPacket | Drop | undefined {
  if (etherType === EtherType.ipv4) return decodeIpv4(payload);
  return etherType === EtherType.ipv6 ? decodeIpv6(payload) : undefined;
}

/**
 * Whether the packet may be in a frame to `destination`. A frame to a group's MAC has a packet to that group: one to a
 * single host would reach it past the routes that unicast takes (RFC 1122 §3.3.6). Broadcast is for IPv4, also with the
 * broadcast address of a subnet, which is not known here. A single station may be sent anything: it may be a router.
 */
export function isAddressedRight(packet: IpPacket, destination: Uint8Array): boolean {
  if (!isGroupMac(destination)) return true;
  if (isBroadcastMac(destination)) return packet.family === 4;
  const address = packet.destination;
  return isMulticast(address) && sameMac(destination, macOfGroup(address));
}

/** Whether the local interface with `mac` holds `address`. */
export function isHeldBy(address: Address, mac: Uint8Array, view: LinkView): boolean {
  const holder = view.linkOf(address);
  return holder instanceof Uint8Array && sameMac(holder, mac);
}
