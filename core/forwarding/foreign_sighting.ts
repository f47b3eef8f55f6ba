/** What a frame of an unknown sender tells of it. */
import type { Address } from "../contracts/values.ts";
import { isLinkLocal, isLoopback, isMulticast, isUnspecified } from "../wire/address.ts";
import { decodeArp, isAnnouncement } from "../wire/arp.ts";
import { type EthernetFrame, EtherType } from "../wire/ethernet.ts";
import { decodeIpv6 } from "../wire/ipv6.ts";
import { isDerivedMac, isGroupMac, sameMac } from "../wire/mac.ts";
import { decodeSolicitation, icmpv6Type, NdpType } from "../wire/ndp.ts";
import { decodeFrameIp } from "./link_checks.ts";
import type { Sighting } from "./foreign_devices.ts";

/** Undefined for a source that is no single station, or that stands for an address of the network. */
export function sightingIn(ethernet: EthernetFrame): Sighting | undefined {
  const mac = ethernet.source;
  if (!isDeviceMac(mac)) return undefined;
  return { mac, addresses: claimed(ethernet).filter(isHostAddress) };
}

/** A MAC that a device can have: of one station, and not one that is made of an overlay address. */
export function isDeviceMac(mac: Uint8Array): boolean {
  return !isGroupMac(mac) && !isDerivedMac(mac) && mac.some((byte) => byte !== 0);
}

/** An address that means the same station everywhere. */
export function isHostAddress(address: Address): boolean {
  return !(isUnspecified(address) || isMulticast(address) || isLinkLocal(address) || isLoopback(address));
}

/** The source of an IP packet: an address that its sender may have, and may also only pass on. */
export function sourceIn(ethernet: EthernetFrame): Address | undefined {
  const packet = ethernet.isTagged ? undefined : decodeFrameIp(ethernet);
  if (packet === undefined || typeof packet === "number") return undefined;
  return isHostAddress(packet.source) ? packet.source : undefined;
}

/** The address whose holder the frame asks for; undefined in all but questions, and in those whether one is free. */
export function soughtIn(ethernet: EthernetFrame): Address | undefined {
  const target = ethernet.isTagged ? undefined : targetOf(ethernet);
  return target !== undefined && isHostAddress(target) ? target : undefined;
}

function targetOf({ etherType, payload }: EthernetFrame): Address | undefined {
  if (etherType === EtherType.arp) {
    const message = decodeArp(payload);
    const isQuestion = typeof message === "object" && message.operation === "request" &&
      !isAnnouncement(message) && !isUnspecified(message.sender);
    return isQuestion ? message.target : undefined;
  }
  const packet = etherType === EtherType.ipv6 ? decodeIpv6(payload) : undefined;
  if (packet === undefined || typeof packet === "number") return undefined;
  if (icmpv6Type(packet) !== NdpType.neighbourSolicitation) return undefined;
  const solicitation = decodeSolicitation(packet);
  return typeof solicitation === "number" || solicitation.isProbe ? undefined : solicitation.target;
}

function claimed(ethernet: EthernetFrame): readonly Address[] {
  if (ethernet.isTagged) return [];
  if (ethernet.etherType === EtherType.arp) return claimedInArp(ethernet);
  return ethernet.etherType === EtherType.ipv6 ? claimedInDiscovery(ethernet) : [];
}

function claimedInArp({ source, payload }: EthernetFrame): readonly Address[] {
  const message = decodeArp(payload);
  if (typeof message === "number" || !sameMac(message.senderMac, source)) return [];
  return [message.sender];
}

/**
 * The source of a solicitation or an advertisement, and what the latter advertises: a device that announces an address
 * does so from that address or from its link-local one.
 */
function claimedInDiscovery({ payload }: EthernetFrame): readonly Address[] {
  const packet = decodeIpv6(payload);
  if (typeof packet === "number" || packet.hopLimit !== 255) return [];
  const type = icmpv6Type(packet);
  const isNeighbour = type === NdpType.neighbourSolicitation || type === NdpType.neighbourAdvertisement;
  if (!isNeighbour) return [];
  if (type === NdpType.neighbourAdvertisement && packet.payload.length >= 24) {
    return [packet.source, { family: 6, bytes: packet.payload.slice(8, 24) }];
  }
  return [packet.source];
}
