/** Frames that local interfaces send. */
import { Drop } from "../contracts/drop.ts";
import type { Address } from "../contracts/values.ts";
import { decodeEthernet, type EthernetFrame, EtherType } from "../wire/ethernet.ts";
import type { IpPacket } from "../wire/ip.ts";
import { isBridgeLocalMac, isDerivedMac, isGroupMac, isMacOf } from "../wire/mac.ts";
import { isLinkLocalOf, isLinkMessage } from "../wire/ndp.ts";
import type { LinkDecision, LinkView } from "./link.ts";
import { answerArp, answerLinkMessage } from "./link_answers.ts";
import { decodeFrameIp, isAddressedRight, isHeldBy } from "./link_checks.ts";

const handled: LinkDecision = { to: "handled" };

/**
 * What becomes of `frame`, which a local interface sent and the bridge gave to this node. The port has judged already
 * what kinds of frames the interface may send, so frames that are no IP are carried too.
 */
export function frameFromPort(frame: Uint8Array, view: LinkView): LinkDecision {
  const ethernet = decodeEthernet(frame);
  if (typeof ethernet === "number") return nowhere(ethernet);
  const { source, destination, etherType, isTagged } = ethernet;
  if (!view.localMac(source)) return nowhere(hasComeBack(source, view) ? Drop.loop : Drop.badSource);
  if (isBridgeLocalMac(destination)) return nowhere(Drop.unsupported);
  if (view.localMac(destination)) return handled;
  if (etherType === EtherType.arp) return isTagged ? nowhere(Drop.unsupported) : answerArp(ethernet, view);
  const packet = decodeFrameIp(ethernet);
  if (packet === undefined) return carry(ethernet, view);
  return typeof packet === "number" ? nowhere(packet) : ipFromPort(packet, ethernet, view);
}

function ipFromPort(packet: IpPacket, ethernet: EthernetFrame, view: LinkView): LinkDecision {
  const { destination, etherType, isTagged } = ethernet;
  if (isLinkMessage(packet)) {
    return isTagged ? nowhere(Drop.unsupported) : answerLinkMessage(packet, ethernet, view);
  }
  if (!isAddressedRight(packet, destination)) return nowhere(Drop.malformed);
  if (!maySend(packet.source, ethernet, view)) return nowhere(Drop.badSource);
  if (isTagged || !isForwarded(packet, destination, view)) return carry(ethernet, view);
  return { to: "ip", packet: { protocol: etherType, payload: packet.bytes, forwarded: false } };
}

/**
 * A derived MAC that no interface has is one that this node wrote, and so is that of a device elsewhere of which frames
 * have just come through the mesh: something leads them back.
 */
function hasComeBack(source: Uint8Array, view: LinkView): boolean {
  return isDerivedMac(source) || view.isEcho(source);
}

/** To its destination itself, or to an endpoint inside the process as its router: that is this node, which knows the way. */
function isForwarded({ destination }: IpPacket, mac: Uint8Array, view: LinkView): boolean {
  return isMacOf(mac, destination) || view.holderOf(mac) === "inside";
}

/**
 * An interface sends from the addresses it holds; to groups also from the link-local address that its MAC makes, for
 * that is how IPv6 hosts look for services, and both sides can check it.
 */
function maySend(address: Address, { source, destination }: EthernetFrame, view: LinkView): boolean {
  if (isHeldBy(address, source, view)) return true;
  return isGroupMac(destination) && isLinkLocalOf(address, source);
}

/** With its Ethernet header, to whom its destination MAC names. */
function carry({ bytes, destination }: EthernetFrame, view: LinkView): LinkDecision {
  if (isGroupMac(destination)) return { to: "everyone", frame: bytes };
  const owner = view.deviceOwner(destination);
  if (owner !== undefined && owner !== view.self) return { to: "peer", peer: owner, frame: bytes };
  const nextHop = view.neighbours.addressOf(destination);
  const route = nextHop && view.routes.lookup(nextHop);
  // A device takes packets of its prefixes only. And what is here, the bridge would have given to whom it is for.
  if (route === undefined || route.owner === view.self || route.isDevice === true) {
    return nowhere(Drop.noRoute);
  }
  return { to: "peer", peer: route.owner, frame: bytes };
}

function nowhere(drop: Drop): LinkDecision {
  return { to: "nowhere", drop };
}
