/**
 * The link to a device that carries Ethernet frames in GRE (0x6558, as Linux's `gretap`): this node is a host on it, that
 * has all addresses of this node, each at the MAC that stands for it. ARP and neighbour discovery are spoken both ways;
 * what goes on into the node are IP packets.
 *
 *     packet to the device ──> MAC known? ──yes──────────────────────> frame
 *                                └─no──> waits, up to 3 requests ──answer──> frame
 *                                                                └─none──> "host unreachable"
 *
 * An address is at the MAC whose own frame says so: what a message says of its sender has to be true of the frame around
 * it. Nothing is learned from packets of IP, which need not come from who has the address, and nothing that was not asked
 * for: to be remembered, an address has been asked for by us or has asked for one of ours (RFC 826, RFC 4861 §7.2.5).
 */
import { Drop } from "../../core/contracts/drop.ts";
import type { OverlayPacket } from "../../core/contracts/encapsulation.ts";
import type { DropCounters } from "../../core/contracts/host.ts";
import type { Address, Millis } from "../../core/contracts/values.ts";
import { decodeFrameIp, isAddressedRight } from "../../core/forwarding/link_checks.ts";
import { Neighbours } from "../../core/forwarding/neighbours.ts";
import { TokenBucket } from "../../core/forwarding/token_bucket.ts";
import { isLinkLocal, isMulticast, isUnspecified, sameAddress } from "../../core/wire/address.ts";
import { decodeArp, encodeArpReply, encodeArpRequest } from "../../core/wire/arp.ts";
import { copyBytes } from "../../core/wire/bytes.ts";
import {
  decodeEthernet,
  encodeEthernet,
  type EthernetFrame,
  ethernetHeaderLength,
  EtherType,
} from "../../core/wire/ethernet.ts";
import { icmpUnreachable } from "../../core/wire/icmp_error.ts";
import { decodeIp, type IpPacket } from "../../core/wire/ip.ts";
import type { Ipv6Packet } from "../../core/wire/ipv6.ts";
import { isGroupMac, isMacOf, macLength, macOfAddress, macOfGroup, sameMac } from "../../core/wire/mac.ts";
import {
  allNodes,
  decodeAdvertisement,
  decodeSolicitation,
  encodeAdvertisement,
  encodeSolicitation,
  icmpv6Type,
  isLinkMessage,
  NdpType,
  solicitedNode,
} from "../../core/wire/ndp.ts";
import { contains } from "../../core/wire/prefix.ts";
import { answerRate } from "./constants.ts";
import type { Device } from "./device.ts";
import { MacSearch, type Question } from "./mac_search.ts";
import { MacTable } from "./mac_table.ts";

/** What a link knows of its node. */
export interface LinkParts {
  isOurs(address: Address): boolean;
  /** Of packets that have waited in vain. */
  readonly drops: DropCounters;
}

export type LinkOutput =
  /** For the device. */
  | { readonly type: "frame"; readonly frame: Uint8Array }
  /** An IP packet for the node. */
  | { readonly type: "packet"; readonly packet: OverlayPacket };

/** In the place of a MAC that is not known yet. */
const noMac = new Uint8Array(macLength);

export class EthernetLink {
  readonly #device: Device;
  readonly #parts: LinkParts;
  #outputs: LinkOutput[] = [];
  readonly #macs = new MacTable();
  readonly #search = new MacSearch();
  /** Addresses of ours that the device was told the MACs of: it may send through one of them to others. */
  readonly #told = new Neighbours();
  readonly #answers = new TokenBucket(answerRate);

  constructor(device: Device, parts: LinkParts) {
    this.#device = device;
    this.#parts = parts;
  }

  /** What has come of the last call. To be asked for after each of `receive`, `seal` and `handleTimeout`. */
  takeOutputs(): readonly LinkOutput[] {
    const outputs = this.#outputs;
    if (outputs.length > 0) this.#outputs = [];
    return outputs;
  }

  /** When {@link handleTimeout} has something to do. */
  get deadline(): Millis | undefined {
    return this.#search.deadline;
  }

  /** A frame that the device has sent. `none`: it was handed on or answered, or is of no use beyond the link. */
  receive(frame: Uint8Array, now: Millis): Drop {
    const ethernet = decodeEthernet(frame);
    if (typeof ethernet === "number") return ethernet;
    if (ethernet.isTagged) return Drop.unsupported;
    if (ethernet.etherType === EtherType.arp) return this.#receiveArp(ethernet, now);
    const packet = decodeFrameIp(ethernet) ?? Drop.unsupported;
    if (typeof packet === "number") return packet;
    if (!isAddressedRight(packet, ethernet.destination)) return Drop.malformed;
    if (isLinkMessage(packet)) return this.#receiveLinkMessage(packet, ethernet, now);
    return this.#receivePacket(packet, ethernet, now);
  }

  /** An IP packet to the device. */
  seal({ protocol, payload }: OverlayPacket, now: Millis): Drop {
    const packet = decodeIp(payload);
    if (typeof packet === "number") return packet;
    const { source, destination } = packet;
    if (isMulticast(destination)) return Drop.unsupported;
    const target = this.#device.gateways.find(({ family }) => family === packet.family) ?? destination;
    const mac = this.#macs.find(target, now);
    const frame = encodeEthernet(mac ?? noMac, macOfAddress(source), protocol, payload);
    if (mac === undefined) return this.#wait({ target, source }, frame, now);
    this.#send(frame);
    if (this.#macs.isDue(target, now)) this.#ask({ target, source });
    return Drop.none;
  }

  handleTimeout(now: Millis): void {
    const { questions, lost } = this.#search.due(now);
    for (const question of questions) this.#ask(question);
    for (const frame of lost) this.#giveUp(frame);
  }

  /** The device is not served any more: nothing is asked for, and what waits is dropped. */
  close(): void {
    this.#parts.drops.count(Drop.noSession, this.#search.endAll().length);
  }

  /** What is for a group or for all is at no MAC of ours: a device reaches single endpoints of this node. */
  #receivePacket(packet: IpPacket, { source, destination, etherType }: EthernetFrame, now: Millis): Drop {
    if (!this.#isAt(packet.destination, destination)) return Drop.notOurs;
    this.#macs.confirm(packet.source, source, now);
    this.#deliver({ protocol: etherType, payload: copyBytes(packet.bytes), forwarded: false });
    return Drop.none;
  }

  #receiveArp({ source, destination, payload }: EthernetFrame, now: Millis): Drop {
    const message = decodeArp(payload);
    if (typeof message === "number") return message;
    const { sender, target, senderMac, operation } = message;
    const isProbe = isUnspecified(sender);
    if (!sameMac(senderMac, source) || !(isProbe || this.#isBehind(sender))) return Drop.badSource;
    if (!isGroupMac(destination) && !this.#isAt(target, destination)) return Drop.notOurs;
    const asksUs = operation === "request" && this.#parts.isOurs(target);
    if (!isProbe) this.#hear(sender, source, { asksUs, now });
    return asksUs ? this.#answer(target, encodeArpReply(message, macOfAddress(target)), now) : Drop.none;
  }

  /** Who joins groups or looks for routers is heard, and means others. This node takes no routes from a device. */
  #receiveLinkMessage(packet: IpPacket, ethernet: EthernetFrame, now: Millis): Drop {
    if (packet.family === 4) return Drop.none;
    switch (icmpv6Type(packet)) {
      case NdpType.neighbourSolicitation:
        return this.#receiveSolicitation(packet, ethernet, now);
      case NdpType.neighbourAdvertisement:
        return this.#receiveAdvertisement(packet, ethernet, now);
      case NdpType.routerAdvertisement:
      case NdpType.redirect:
        return Drop.unsupported;
      default:
        return Drop.none;
    }
  }

  #receiveSolicitation(packet: Ipv6Packet, ethernet: EthernetFrame, now: Millis): Drop {
    const solicitation = decodeSolicitation(packet);
    if (typeof solicitation === "number") return solicitation;
    const { source, target, isProbe } = solicitation;
    const isBehind = !isProbe && this.#isBehind(source);
    // Any interface has a link-local address, from which its kernel may ask; nothing is learned of it.
    if (!isBehind && !isProbe && !isLinkLocal(source)) return Drop.badSource;
    if (!isGroupMac(ethernet.destination) && !this.#isAt(target, ethernet.destination)) return Drop.notOurs;
    const asksUs = this.#parts.isOurs(target);
    if (isBehind) this.#hear(source, ethernet.source, { asksUs, now });
    if (!asksUs) return Drop.none;
    const mac = macOfAddress(target);
    const advertisement = encodeAdvertisement(solicitation, { target, mac, override: true });
    const to = isProbe ? macOfGroup(allNodes) : ethernet.source;
    return this.#answer(target, encodeEthernet(to, mac, EtherType.ipv6, advertisement), now);
  }

  #receiveAdvertisement(packet: Ipv6Packet, { source, destination }: EthernetFrame, now: Millis): Drop {
    const advertisement = decodeAdvertisement(packet);
    if (typeof advertisement === "number") return advertisement;
    const { target, mac = source, override } = advertisement;
    if (!sameMac(mac, source) || !this.#isBehind(target)) return Drop.badSource;
    if (!isGroupMac(destination) && !this.#isAt(packet.destination, destination)) return Drop.notOurs;
    const known = this.#macs.find(target, now);
    // The word of a proxy, or of the second one to answer, does not replace that of the holder.
    if (known === undefined || override || sameMac(known, source)) {
      this.#hear(target, source, { asksUs: false, now });
    }
    return Drop.none;
  }

  /** `address` is at `mac`. What is neither known, nor asked for, nor asks for us is none of our business. */
  #hear(address: Address, mac: Uint8Array, { asksUs, now }: { asksUs: boolean; now: Millis }): void {
    const isWanted = asksUs || this.#search.has(address) || this.#macs.find(address, now) !== undefined;
    if (!isWanted) return;
    this.#macs.learn(address, mac, now);
    for (const frame of this.#search.end(address)) {
      frame.set(mac);
      this.#send(frame);
    }
  }

  #answer(target: Address, frame: Uint8Array, now: Millis): Drop {
    if (!this.#answers.take(now)) return Drop.rateLimited;
    this.#told.remember(target);
    this.#send(frame);
    return Drop.none;
  }

  #wait(question: Question, frame: Uint8Array, now: Millis): Drop {
    if (!this.#search.wait(question, frame, now)) return Drop.queueFull;
    this.handleTimeout(now);
    return Drop.none;
  }

  #ask({ target, source }: Question): void {
    const mac = macOfAddress(source);
    this.#told.remember(source);
    if (target.family === 4) return this.#send(encodeArpRequest({ address: source, mac }, target));
    const solicitation = encodeSolicitation(target, source, mac);
    const group = macOfGroup(solicitedNode(target));
    this.#send(encodeEthernet(group, mac, EtherType.ipv6, solicitation));
  }

  /** Nobody says where a packet's next hop is: its sender hears so (RFC 1812 §5.2.7.1, RFC 4861 §7.2.2). */
  #giveUp(frame: Uint8Array): void {
    this.#parts.drops.count(Drop.noListener);
    const packet = decodeIp(frame.subarray(ethernetHeaderLength));
    if (typeof packet === "number") return;
    const payload = icmpUnreachable(packet.bytes, "hostUnreachable", packet.destination);
    const protocol = packet.family === 4 ? EtherType.ipv4 : EtherType.ipv6;
    if (payload !== undefined) this.#deliver({ protocol, payload, forwarded: false });
  }

  #send(frame: Uint8Array): void {
    this.#outputs.push({ type: "frame", frame });
  }

  #deliver(packet: OverlayPacket): void {
    this.#outputs.push({ type: "packet", packet });
  }

  /** Whether this node is to be reached with `mac` for `address`: by its own MAC, or through an address it was told of. */
  #isAt(address: Address, mac: Uint8Array): boolean {
    if (isMacOf(mac, address)) return true;
    const told = this.#told.addressOf(mac);
    return told !== undefined && this.#parts.isOurs(told);
  }

  #isBehind(address: Address): boolean {
    const { prefixes, gateways } = this.#device;
    const isListed = prefixes.some((prefix) => contains(prefix, address)) ||
      gateways.some((gateway) => sameAddress(gateway, address));
    return isListed && !this.#parts.isOurs(address);
  }
}
