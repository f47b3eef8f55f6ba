/**
 * Answers to ARP requests and neighbour solicitations, on behalf of whoever holds the address elsewhere.
 *
 * An address that the table gives to another member is answered for without asking: the ring is the truth, and its owner
 * says "unreachable" for what nobody holds. Addresses of this node's ranges are not: their interfaces are on the bridge
 * and answer themselves, and for a free one silence is right. Endpoints inside the process hear nothing of all this, so
 * they are answered for like remote ones.
 *
 * Who asks whether an address is a duplicate (RFC 5227 §2.1.1, RFC 4862 §5.4) is told so for addresses inside the process
 * alone. To answer for remote ones would keep an endpoint from taking back an address while the table still names its
 * former node; that no two are given one address is the concern of the ring.
 */
import { Drop } from "../contracts/drop.ts";
import type { Address } from "../contracts/values.ts";
import { isLinkLocal, isUnspecified } from "../wire/address.ts";
import { decodeArp, encodeArpReply, isAnnouncement } from "../wire/arp.ts";
import { encodeEthernet, type EthernetFrame, EtherType } from "../wire/ethernet.ts";
import type { IpPacket } from "../wire/ip.ts";
import type { Ipv6Packet } from "../wire/ipv6.ts";
import { macOfAddress, macOfGroup, sameMac } from "../wire/mac.ts";
import { allNodes, decodeSolicitation, encodeAdvertisement, icmpv6Type, NdpType } from "../wire/ndp.ts";
import type { LinkDecision, LinkView } from "./link.ts";
import { isHeldBy } from "./link_checks.ts";

const handled: LinkDecision = { to: "handled" };

/** Of the untagged ARP message in a frame. Replies and announcements are for the bridge, which has given them to all. */
export function answerArp({ source, payload }: EthernetFrame, view: LinkView): LinkDecision {
  const message = decodeArp(payload);
  if (typeof message === "number") return nowhere(message);
  const { sender, target, senderMac } = message;
  const isProbe = isUnspecified(sender);
  const isTrue = sameMac(senderMac, source) && (isProbe || isHeldBy(sender, source, view));
  if (!isTrue) return nowhere(Drop.badSource);
  if (message.operation === "reply" || isAnnouncement(message)) return handled;
  if (whereToAnswerFor(target, isProbe, view) === undefined) return handled;
  return { to: "answer", frame: encodeArpReply(message, macToTell(target, view)) };
}

/**
 * Of a message between neighbours, see `isLinkMessage`. Solicitations are answered. Advertisements of neighbours,
 * solicitations for routers and memberships in groups have been heard on the bridge, and go no further: every node gets
 * the packets of every group. An endpoint is no router, so what says otherwise is refused.
 */
export function answerLinkMessage(packet: IpPacket, ethernet: EthernetFrame, view: LinkView): LinkDecision {
  const type = icmpv6Type(packet);
  if (type === NdpType.routerAdvertisement || type === NdpType.redirect) return nowhere(Drop.unsupported);
  const isSolicitation = packet.family === 6 && type === NdpType.neighbourSolicitation;
  return isSolicitation ? answerSolicitation(packet, ethernet, view) : handled;
}

function answerSolicitation(packet: Ipv6Packet, ethernet: EthernetFrame, view: LinkView): LinkDecision {
  const solicitation = decodeSolicitation(packet);
  if (typeof solicitation === "number") return nowhere(solicitation);
  const { source, target, isProbe } = solicitation;
  // Link-local addresses are not known here; the answer goes to the MAC that asked, so nothing is gained by a false one.
  const isTrue = isProbe || isLinkLocal(source) || isHeldBy(source, ethernet.source, view);
  if (!isTrue) return nowhere(Drop.badSource);
  const place = whereToAnswerFor(target, isProbe, view);
  if (place === undefined) return handled;
  if (place === "elsewhere") view.neighbours.remember(target);
  // For others a node answers as a proxy, whose word never replaces that of the holder on this link (RFC 4861 §7.2.8).
  const mac = macToTell(target, view);
  const answer = encodeAdvertisement(solicitation, { target, mac, override: place === "inside" });
  const destination = isProbe ? macOfGroup(allNodes) : ethernet.source;
  return { to: "answer", frame: encodeEthernet(destination, mac, EtherType.ipv6, answer) };
}

/** Where the address is that this node answers for; undefined where it does not. */
function whereToAnswerFor(
  address: Address,
  isProbe: boolean,
  view: LinkView,
): "inside" | "elsewhere" | undefined {
  const holder = view.linkOf(address);
  if (holder === "inside") return "inside";
  if (holder !== undefined || isProbe) return undefined;
  const route = view.routes.lookup(address);
  return route === undefined || route.owner === view.self ? undefined : "elsewhere";
}

/** A device behind a bridge has the MAC that it was made with. */
function macToTell(address: Address, view: LinkView): Uint8Array {
  return view.deviceMac(address) ?? macOfAddress(address);
}

function nowhere(drop: Drop): LinkDecision {
  return { to: "nowhere", drop };
}
