/**
 * The portable path of a packet on the main thread: parse, decide, judge, seal or deliver. Every packet ends in exactly
 * one counter: delivered, sent, or one reason of {@link Drop}.
 *
 * Links speak Ethernet. A frame that is an IP packet to its next hop becomes that packet and takes the same path, and a
 * packet for a link becomes a frame at the end of it; all other frames cross the mesh as they are. A frame to all goes
 * along a tree (`broadcasts.ts`), and each copy that goes nowhere is counted.
 */
import { Drop } from "../contracts/drop.ts";
import type { OverlayPacket } from "../contracts/encapsulation.ts";
import type { Clock, DropCounters, Logger } from "../contracts/host.ts";
import type { RouteSource } from "../contracts/ipam.ts";
import type { TrafficStatus } from "../contracts/node.ts";
import type { Flow, Policy } from "../contracts/policy.ts";
import type { Address, PeerId } from "../contracts/values.ts";
import { type Decision, forwardFromMesh, forwardFromPort } from "../forwarding/forward.ts";
import type { LinkHolder, LinkView } from "../forwarding/link.ts";
import { frameFromMesh, frameOfPacket } from "../forwarding/link_from_mesh.ts";
import { frameFromPort } from "../forwarding/link_from_port.ts";
import { Neighbours } from "../forwarding/neighbours.ts";
import { fitPath } from "../forwarding/path_fit.ts";
import { RangeTable } from "../forwarding/range_table.ts";
import { type Rate, TokenBucket } from "../forwarding/token_bucket.ts";
import { decodeEthernet, encodeEthernet, ethernetHeaderLength } from "../wire/ethernet.ts";
import { type ParsedPacket, parseFlow } from "../wire/flow.ts";
import { GreProtocol } from "../wire/gre.ts";
import { icmpPacketTooBig, icmpUnreachable, type UndeliveredReason } from "../wire/icmp_error.ts";
import { addressOfMac } from "../wire/mac.ts";
import type { ArrivedBroadcast, BroadcastCopy, Broadcasts } from "./broadcasts.ts";
import type { ConnectionTable } from "./connection_table.ts";
import type { ForeignLinks } from "./foreign_links.ts";
import type { PortSet } from "./port_set.ts";

export interface ForwarderParts {
  readonly self: PeerId;
  readonly port: PortSet;
  readonly routes: Pick<RouteSource, "routes" | "version">;
  readonly policy: Policy;
  readonly drops: DropCounters;
  readonly clock: Clock;
  readonly log: Logger;
  readonly broadcasts: Pick<Broadcasts, "begin" | "open" | "onward">;
  /** Bytes of the largest packet that the path to this peer carries; undefined while that is not known. */
  pathMtu(peer: PeerId): number | undefined;
  seal(peer: PeerId, packet: OverlayPacket): Drop;
  /** Where there is no session: `none` when the packet waits for one, as a copy that comes back by {@link Forwarder.resend}. */
  hold?(peer: PeerId, packet: OverlayPacket): Drop;
  /** Counts by peer what goes in and out. */
  readonly tally?: Pick<ConnectionTable, "received" | "sent">;
  /** Devices behind bridges, here and elsewhere; none at a node that knows of no bridges. */
  readonly foreign?: Pick<
    ForeignLinks,
    "hear" | "wrote" | "isEcho" | "linkOf" | "isHere" | "ownerOf" | "macOf"
  >;
  /** What the policy has said of a packet between a link and a peer; it may say another thing after the next epoch. */
  judged?(flow: Flow, allow: boolean): void;
  /** A frame with this source MAC has come back from the links. */
  looped?(mac: Uint8Array): void;
}

/**
 * ICMP errors of this node, all senders together (RFC 1812 §4.3.2.8, RFC 4443 §2.4(f)): enough to tell every mistaken
 * sender, too few to be of use to one that sends mistakes to make us send.
 */
export const icmpErrorRate: Rate = { perSecond: 100, burst: 50 };

/** Whoever finds the packet that a policy fails on can send it without end. */
const policyFailureRate: Rate = { perSecond: 0.1, burst: 1 };

interface IcmpError {
  readonly rate: TokenBucket;
  build(source: Address): Uint8Array | undefined;
}

export class Forwarder implements LinkView {
  readonly self: PeerId;
  readonly neighbours = new Neighbours();
  readonly #parts: ForwarderParts;
  readonly #traffic = { packetsIn: 0, packetsOut: 0, bytesIn: 0, bytesOut: 0 };
  readonly #errors = new TokenBucket(icmpErrorRate);
  /**
   * For telling local senders what passes, apart from all other errors: one that is not told hangs for good, so neither
   * members nor a scan of addresses that nobody holds may use up what there is to tell it with.
   */
  readonly #sizes = new TokenBucket(icmpErrorRate);
  readonly #policyFailures = new TokenBucket(policyFailureRate);
  #table = new RangeTable([]);
  #tableVersion = -1;

  constructor(parts: ForwarderParts) {
    this.self = parts.self;
    this.#parts = parts;
    parts.port.receive((packet, from) =>
      this.#counted(from === "link" ? this.#fromLink(packet) : this.#fromPort(packet))
    );
  }

  /** An overlay packet that arrived through the session with `from`. */
  fromMesh(from: PeerId, packet: OverlayPacket): Drop {
    if (packet.protocol === GreProtocol.broadcast) {
      return this.#counted(this.#broadcastFromMesh(from, packet));
    }
    const isFrame = packet.protocol === GreProtocol.ethernet;
    return this.#counted(isFrame ? this.#frameFromMesh(from, packet) : this.#fromMesh(from, packet));
  }

  /** A packet that was held goes out. */
  resend(peer: PeerId, packet: OverlayPacket): void {
    this.#counted(this.#send(peer, packet));
  }

  traffic(): TrafficStatus {
    return { ...this.#traffic };
  }

  get routes(): RangeTable {
    const version = this.#parts.routes.version();
    if (version !== this.#tableVersion) {
      this.#table = new RangeTable(this.#parts.routes.routes());
      this.#tableVersion = version;
    }
    return this.#table;
  }

  holds(address: Address): boolean {
    return this.linkOf(address) !== undefined;
  }

  linkOf(address: Address): LinkHolder | undefined {
    return this.#parts.port.table.linkOf(address) ?? this.#parts.foreign?.linkOf(address);
  }

  localMac(mac: Uint8Array): boolean {
    return this.#parts.port.table.localMac(mac) || this.#parts.foreign?.isHere(mac) === true;
  }

  holderOf(mac: Uint8Array): LinkHolder | undefined {
    return this.#parts.port.table.holderOf(mac) ?? this.#deviceOf(mac);
  }

  deviceMac(address: Address): Uint8Array | undefined {
    return this.#parts.foreign?.macOf(address);
  }

  deviceOwner(mac: Uint8Array): PeerId | undefined {
    return this.#parts.foreign?.ownerOf(mac);
  }

  isEcho(mac: Uint8Array): boolean {
    return this.#parts.foreign?.isEcho(mac) === true;
  }

  /** A device behind a bridge of this node, by its own MAC or by that of an address that it has. */
  #deviceOf(mac: Uint8Array): Uint8Array | undefined {
    const { foreign } = this.#parts;
    if (foreign === undefined || foreign.isHere(mac)) return foreign && mac;
    const address = addressOfMac(mac);
    return address && foreign.linkOf(address);
  }

  #fromLink({ protocol, payload }: OverlayPacket): Drop {
    if (protocol !== GreProtocol.ethernet) return Drop.unsupported;
    this.#parts.foreign?.hear(payload);
    const decision = frameFromPort(payload, this);
    switch (decision.to) {
      case "ip":
        return this.#fromPort(decision.packet);
      case "answer":
        return this.#parts.port.deliverFrame(framed(decision.frame));
      case "peer":
        return this.#refusal(decision.frame, "egress") || this.#sendFrame(decision.peer, decision.frame);
      case "everyone":
        return this.#refusal(decision.frame, "egress") ||
          this.#sendToAll(this.#parts.broadcasts.begin(decision.frame));
      case "handled":
        return Drop.none;
      case "nowhere":
        if (decision.drop === Drop.loop) this.#parts.looped?.(payload.slice(6, 12));
        return decision.drop;
    }
  }

  /** Whoever has brought it, the frame must be its origin's own, by the same tables as if that had. */
  #broadcastFromMesh(from: PeerId, packet: OverlayPacket): Drop {
    const arrived = this.#parts.broadcasts.open(from, packet);
    if (typeof arrived === "number") return arrived;
    return this.#frameFromMesh(from, { ...packet, payload: arrived.frame }, arrived);
  }

  #frameFromMesh(from: PeerId, { payload, forwarded }: OverlayPacket, broadcast?: ArrivedBroadcast): Drop {
    if (forwarded) return Drop.malformed;
    const decision = frameFromMesh(payload, broadcast?.sender ?? from, this);
    const drop = decision.to === "links" ? Drop.none : decision.drop;
    if (drop === Drop.malformed || drop === Drop.unsupported) return drop;
    this.#received(from, payload);
    if (decision.to === "nowhere") return drop;
    const repeated = broadcast && this.#sendToAll(this.#parts.broadcasts.onward(broadcast));
    // What is for all is also for nodes without links, which have nobody to give it to.
    if (repeated || this.#parts.port.link === undefined) return repeated ?? drop;
    const refused = this.#refusal(decision.frame, "ingress");
    if (refused !== Drop.none) return refused;
    this.#parts.foreign?.wrote(decision.frame);
    return this.#parts.port.deliverFrame(framed(decision.frame));
  }

  #fromPort(packet: OverlayPacket): Drop {
    const parsed = parseFlow(packet.protocol, packet.payload);
    if (typeof parsed === "number") return parsed;
    if (!this.#allows(parsed, "egress", this.#parts.judged)) return Drop.denied;
    return this.#carry(forwardFromPort(parsed, this), parsed, packet);
  }

  #fromMesh(from: PeerId, packet: OverlayPacket): Drop {
    const parsed = parseFlow(packet.protocol, packet.payload);
    if (typeof parsed === "number") return parsed;
    this.#received(from, packet.payload);
    const decision = forwardFromMesh(parsed, from, packet.forwarded, this);
    return this.#carry(decision, parsed, packet, from);
  }

  #carry(decision: Decision, parsed: ParsedPacket, packet: OverlayPacket, from?: PeerId): Drop {
    switch (decision.to) {
      case "local":
        if (!this.#allows(parsed, "ingress", this.#parts.judged)) return Drop.denied;
        return this.#deliver(parsed.destination, packet);
      case "peer":
        return this.#sendFitting(decision, parsed, packet, from);
      case "unreachable":
        this.#refuse(parsed, packet, "hostUnreachable", from);
        return Drop.noListener;
      case "nowhere":
        if (decision.drop === Drop.noRoute) this.#refuse(parsed, packet, "noRoute", from);
        return decision.drop;
    }
  }

  /** To whoever holds `address`; an endpoint with an interface gets a frame. */
  #deliver(address: Address, packet: OverlayPacket): Drop {
    const holder = this.linkOf(address);
    if (!(holder instanceof Uint8Array)) return this.#parts.port.deliver(packet);
    const frame = frameOfPacket(packet, holder, this);
    return typeof frame === "number" ? frame : this.#parts.port.deliverFrame(framed(frame));
  }

  #sendToAll(copies: readonly BroadcastCopy[] | Drop): Drop {
    if (typeof copies === "number") return copies;
    for (const { peer, packet } of copies) this.#counted(this.#send(peer, packet));
    return Drop.none;
  }

  #received(from: PeerId, payload: Uint8Array): void {
    this.#traffic.packetsIn++;
    this.#traffic.bytesIn += payload.length;
    this.#parts.tally?.received(from, payload.length);
  }

  /** In one packet, in fragments, or not at all; see {@link fitPath}. */
  #sendFitting(
    { peer, forwarded }: Extract<Decision, { to: "peer" }>,
    parsed: ParsedPacket,
    packet: OverlayPacket,
    from: PeerId | undefined,
  ): Drop {
    const fit = fitPath(packet.payload, this.#parts.pathMtu(peer));
    if ("drop" in fit) return fit.drop;
    if ("tooBig" in fit) {
      const build = (source: Address) => icmpPacketTooBig(packet.payload, fit.tooBig, source);
      const rate = from === undefined ? this.#sizes : this.#errors;
      this.#answer(parsed, packet, from, { build, rate });
      return Drop.tooBig;
    }
    let drop: Drop = Drop.none;
    for (const payload of fit.packets) drop ||= this.#send(peer, { ...packet, payload, forwarded });
    return drop;
  }

  /** As {@link Forwarder.#sendFitting}, less the bytes of the Ethernet header. What is no plain IP packet goes as it is. */
  #sendFrame(peer: PeerId, frame: Uint8Array): Drop {
    const mtu = this.#parts.pathMtu(peer);
    const ethernet = decodeEthernet(frame);
    if (mtu === undefined || frame.length <= mtu || typeof ethernet === "number" || ethernet.isTagged) {
      return this.#send(peer, framed(frame));
    }
    const { source, destination, etherType, payload } = ethernet;
    const parsed = parseFlow(etherType, payload);
    if (typeof parsed === "number") return this.#send(peer, framed(frame));
    const fit = fitPath(payload, mtu - ethernetHeaderLength);
    if ("drop" in fit) return fit.drop;
    if ("tooBig" in fit) {
      const packet: OverlayPacket = { protocol: etherType, payload, forwarded: false };
      const build = (from: Address) => icmpPacketTooBig(payload, fit.tooBig, from);
      this.#answer(parsed, packet, undefined, { build, rate: this.#sizes });
      return Drop.tooBig;
    }
    let drop: Drop = Drop.none;
    for (const each of fit.packets) {
      drop ||= this.#send(peer, framed(encodeEthernet(destination, source, etherType, each)));
    }
    return drop;
  }

  #send(peer: PeerId, packet: OverlayPacket): Drop {
    const drop = this.#parts.seal(peer, packet);
    if (drop === Drop.none) {
      this.#traffic.packetsOut++;
      this.#traffic.bytesOut += packet.payload.length;
      this.#parts.tally?.sent(peer, packet.payload.length);
    }
    return drop === Drop.noSession ? this.#parts.hold?.(peer, packet) ?? drop : drop;
  }

  #refuse(
    parsed: ParsedPacket,
    packet: OverlayPacket,
    reason: UndeliveredReason,
    from: PeerId | undefined,
  ): void {
    const build = (source: Address) => icmpUnreachable(packet.payload, reason, source);
    this.#answer(parsed, packet, from, { build, rate: this.#errors });
  }

  /**
   * An ICMP error from an address of ours to the owner of the packet's source, which is not the peer that sent it when it
   * was passed on; none where ICMP forbids one or too many were sent. The packet is counted already, so that is not.
   */
  #answer(
    parsed: ParsedPacket,
    packet: OverlayPacket,
    from: PeerId | undefined,
    { build, rate }: IcmpError,
  ): void {
    const source = this.#ownAddress(parsed.source.family) ?? parsed.destination;
    const payload = build(source);
    if (payload === undefined || !rate.take(this.#parts.clock.now())) return;
    const answer: OverlayPacket = { protocol: packet.protocol, payload, forwarded: false };
    const owner = from && this.routes.lookup(parsed.source)?.owner;
    this.#counted(owner === undefined ? this.#deliver(parsed.source, answer) : this.#send(owner, answer));
  }

  /** The node's own: whoever has an interface speaks for itself. */
  #ownAddress(family: 4 | 6): Address | undefined {
    for (const { leases, mac } of this.#parts.port.attached()) {
      if (mac !== undefined) continue;
      const lease = leases.find(({ address }) => address.family === family);
      if (lease !== undefined) return lease.address;
    }
    return undefined;
  }

  /** `none` when policy lets the IP packet in the frame pass. Frames of other kinds are for the port to judge. */
  #refusal(frame: Uint8Array, direction: Flow["direction"]): Drop {
    const ethernet = decodeEthernet(frame);
    if (typeof ethernet === "number") return ethernet;
    const { etherType, payload } = ethernet;
    if (etherType !== GreProtocol.ipv4 && etherType !== GreProtocol.ipv6) return Drop.none;
    const parsed = parseFlow(etherType, payload);
    if (typeof parsed === "number") return parsed;
    return this.#allows(parsed, direction) ? Drop.none : Drop.denied;
  }

  /**
   * What cannot be judged is denied: a policy that throws, which it must not, opens nothing and costs no other packet.
   * `judged` hears what may be kept: of a later fragment nobody knows the flow.
   */
  #allows(
    parsed: ParsedPacket,
    direction: Flow["direction"],
    judged?: ForwarderParts["judged"],
  ): boolean {
    const { protocol, source, destination, sourcePort, destinationPort } = parsed;
    const flow = { direction, protocol, source, destination, sourcePort, destinationPort };
    const { policy } = this.#parts;
    try {
      if (judged === undefined || policy.allowsEverything === true || parsed.isLaterFragment) {
        return policy.evaluate(flow).allow;
      }
      const epoch = policy.epoch();
      const { allow } = policy.evaluate(flow);
      if (policy.epoch() === epoch) judged(flow, allow);
      return allow;
    } catch (error) {
      const { log, clock } = this.#parts;
      if (this.#policyFailures.take(clock.now())) {
        log.log("error", "The policy failed; the packet is denied", { what: direction, error });
      }
      return false;
    }
  }

  #counted(drop: Drop): Drop {
    this.#parts.drops.count(drop);
    return drop;
  }
}

function framed(frame: Uint8Array): OverlayPacket {
  return { protocol: GreProtocol.ethernet, payload: frame, forwarded: false };
}
