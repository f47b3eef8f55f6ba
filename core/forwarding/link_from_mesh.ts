/** Frames and packets that are for local interfaces. */
import { Drop } from "../contracts/drop.ts";
import type { OverlayPacket } from "../contracts/encapsulation.ts";
import type { Address, PeerId } from "../contracts/values.ts";
import {
  decodeEthernet,
  encodeEthernet,
  type EthernetFrame,
  EtherType,
  redirectFrame,
} from "../wire/ethernet.ts";
import type { IpPacket } from "../wire/ip.ts";
import { isBridgeLocalMac, isGroupMac, macOfAddress, sameMac } from "../wire/mac.ts";
import { isLinkLocalOf, isLinkMessage } from "../wire/ndp.ts";
import type { LinkView, MeshFrameDecision } from "./link.ts";
import { decodeFrameIp, isAddressedRight } from "./link_checks.ts";

/**
 * What becomes of `frame`, which came as 0x6558 through the session with `from`, or along the tree of `from`, whoever
 * brought it. The frame that goes on is the same memory, or a copy where the interface's MAC is another than the derived
 * one that the far side wrote. No frame to a single station is passed on to a third node: a sender that still has an old
 * table loses frames until it has the new one.
 */
export function frameFromMesh(frame: Uint8Array, from: PeerId, view: LinkView): MeshFrameDecision {
  const ethernet = decodeEthernet(frame);
  if (typeof ethernet === "number") return nowhere(ethernet);
  const { source, destination } = ethernet;
  if (view.holderOf(source) !== undefined) return nowhere(Drop.loop);
  const fault = faultOf(ethernet, from, view);
  if (fault !== Drop.none) return nowhere(fault);
  if (isGroupMac(destination)) return { to: "links", frame };
  const holder = view.holderOf(destination);
  if (holder === undefined || holder === "inside") return nowhere(Drop.notOurs);
  return { to: "links", frame: sameMac(holder, destination) ? frame : redirectFrame(frame, holder) };
}

function faultOf(ethernet: EthernetFrame, from: PeerId, view: LinkView): Drop {
  const { etherType, destination } = ethernet;
  if (etherType === EtherType.arp || isBridgeLocalMac(destination)) return Drop.unsupported;
  const packet = decodeFrameIp(ethernet);
  if (packet === undefined) return isMacOfPeer(ethernet.source, from, view) ? Drop.none : Drop.badSource;
  if (typeof packet === "number") return packet;
  if (isLinkMessage(packet)) return Drop.unsupported;
  if (!isAddressedRight(packet, destination)) return Drop.malformed;
  return mayHaveSent(packet, ethernet, { from, view }) ? Drop.none : Drop.badSource;
}

/**
 * A peer sends from its own ranges only. Its MAC may then be any: what is on the bridge is found by static entries, and
 * all else is behind this node, so there is nothing to turn aside. That no other member has a device with the MAC was
 * asked for once and rejected: a member may say so of any MAC, and would silence an interface that has it. What a device
 * behind a bridge sends is from the device's own MAC. A link-local source is as good as the MAC it is made of.
 */
function mayHaveSent(
  packet: IpPacket,
  { source, destination }: EthernetFrame,
  { from, view }: { from: PeerId; view: LinkView },
): boolean {
  const address = packet.source;
  const device = view.deviceMac(address);
  if (ownedBy(address, from, view)) return device === undefined || sameMac(device, source);
  return isGroupMac(destination) && isLinkLocalOf(address, source) && isMacOfPeer(source, from, view);
}

/**
 * A frame without addresses is the peer's if its MAC is derived from one of the peer's, or a device's behind its bridge.
 * Others cannot be judged.
 */
function isMacOfPeer(mac: Uint8Array, from: PeerId, view: LinkView): boolean {
  if (view.deviceOwner(mac) === from) return true;
  const address = view.neighbours.addressOf(mac);
  return address !== undefined && ownedBy(address, from, view);
}

function ownedBy(address: Address, peer: PeerId, view: LinkView): boolean {
  return view.routes.lookup(address)?.owner === peer;
}

/**
 * The frame that brings an IP packet to the local interface whose MAC is `holder`: from the MAC that its source stands
 * for, or has if it is a device, which is what ARP on this link has been told. Drops as the decoders do, unsupported for what is no IP and for
 * messages between neighbours: a packet that was never in a frame could otherwise bring from afar what
 * {@link frameFromMesh} refuses, with a hop limit of 255.
 */
export function frameOfPacket(
  { protocol, payload }: OverlayPacket,
  holder: Uint8Array,
  view?: Pick<LinkView, "deviceMac">,
): Uint8Array | Drop {
  const packet = decodeFrameIp({ etherType: protocol, payload }) ?? Drop.unsupported;
  if (typeof packet === "number") return packet;
  if (isLinkMessage(packet)) return Drop.unsupported;
  const source = view?.deviceMac(packet.source) ?? macOfAddress(packet.source);
  return encodeEthernet(holder, source, protocol, packet.bytes);
}

function nowhere(drop: Drop): MeshFrameDecision {
  return { to: "nowhere", drop };
}
