/**
 * The portable path of a packet on the main thread: parse, decide, judge, seal or deliver. Every packet ends in exactly
 * one counter: delivered, sent, or one reason of {@link Drop}.
 */
import { Drop } from "../contracts/drop.ts";
import type { OverlayPacket } from "../contracts/encapsulation.ts";
import type { Clock, DropCounters } from "../contracts/host.ts";
import type { RouteSource } from "../contracts/ipam.ts";
import type { TrafficStatus } from "../contracts/node.ts";
import type { Flow, Policy } from "../contracts/policy.ts";
import type { Port } from "../contracts/port.ts";
import type { Address, PeerId } from "../contracts/values.ts";
import {
  type Decision,
  forwardFromMesh,
  forwardFromPort,
  type ForwardingView,
} from "../forwarding/forward.ts";
import { RangeTable } from "../forwarding/range_table.ts";
import { type Rate, TokenBucket } from "../forwarding/token_bucket.ts";
import { sameAddress } from "../wire/address.ts";
import { type ParsedPacket, parseFlow } from "../wire/flow.ts";
import { icmpUnreachable, type UndeliveredReason } from "../wire/icmp_error.ts";

export interface ForwarderParts {
  readonly self: PeerId;
  readonly port: Port;
  readonly routes: Pick<RouteSource, "routes" | "version">;
  readonly policy: Policy;
  readonly drops: DropCounters;
  readonly clock: Clock;
  seal(peer: PeerId, packet: OverlayPacket): Drop;
}

/**
 * ICMP errors of this node, all senders together (RFC 1812 §4.3.2.8, RFC 4443 §2.4(f)): enough to tell every mistaken
 * sender, too few to be of use to one that sends mistakes to make us send.
 */
export const icmpErrorRate: Rate = { perSecond: 100, burst: 50 };

export class Forwarder implements ForwardingView {
  readonly self: PeerId;
  readonly #parts: ForwarderParts;
  readonly #traffic = { packetsIn: 0, packetsOut: 0, bytesIn: 0, bytesOut: 0 };
  readonly #errors = new TokenBucket(icmpErrorRate);
  #table = new RangeTable([]);
  #tableVersion = -1;

  constructor(parts: ForwarderParts) {
    this.self = parts.self;
    this.#parts = parts;
    parts.port.receive((packet) => this.#counted(this.#fromPort(packet)));
  }

  /** An overlay packet that arrived through the session with `from`. */
  fromMesh(from: PeerId, packet: OverlayPacket): Drop {
    return this.#counted(this.#fromMesh(from, packet));
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
    for (const { leases } of this.#parts.port.attached()) {
      if (leases.some((lease) => sameAddress(lease.address, address))) return true;
    }
    return false;
  }

  #fromPort(packet: OverlayPacket): Drop {
    const parsed = parseFlow(packet.protocol, packet.payload);
    if (typeof parsed === "number") return parsed;
    if (!this.#allows(parsed, "egress")) return Drop.denied;
    return this.#carry(forwardFromPort(parsed, this), parsed, packet);
  }

  #fromMesh(from: PeerId, packet: OverlayPacket): Drop {
    const parsed = parseFlow(packet.protocol, packet.payload);
    if (typeof parsed === "number") return parsed;
    this.#traffic.packetsIn++;
    this.#traffic.bytesIn += packet.payload.length;
    const decision = forwardFromMesh(parsed, from, packet.forwarded, this);
    return this.#carry(decision, parsed, packet, from);
  }

  #carry(decision: Decision, parsed: ParsedPacket, packet: OverlayPacket, from?: PeerId): Drop {
    switch (decision.to) {
      case "local":
        return this.#allows(parsed, "ingress") ? this.#parts.port.deliver(packet) : Drop.denied;
      case "peer":
        return this.#send(decision.peer, { ...packet, forwarded: decision.forwarded });
      case "unreachable":
        this.#refuse(parsed, packet, "hostUnreachable", from);
        return Drop.noListener;
      case "nowhere":
        if (decision.drop === Drop.noRoute) this.#refuse(parsed, packet, "noRoute", from);
        return decision.drop;
    }
  }

  #send(peer: PeerId, packet: OverlayPacket): Drop {
    const drop = this.#parts.seal(peer, packet);
    if (drop === Drop.none) {
      this.#traffic.packetsOut++;
      this.#traffic.bytesOut += packet.payload.length;
    }
    return drop;
  }

  /**
   * An ICMP error from an address of ours to the owner of the packet's source, which is not the peer that sent it when it
   * was passed on; none where ICMP forbids one or too many were sent. The packet is counted already, so that is not.
   */
  #refuse(
    parsed: ParsedPacket,
    packet: OverlayPacket,
    reason: UndeliveredReason,
    from: PeerId | undefined,
  ): void {
    const source = this.#ownAddress(parsed.source.family) ?? parsed.destination;
    const payload = icmpUnreachable(packet.payload, reason, source);
    if (payload === undefined || !this.#errors.take(this.#parts.clock.now())) return;
    const answer: OverlayPacket = { protocol: packet.protocol, payload, forwarded: false };
    const owner = from && this.routes.lookup(parsed.source)?.owner;
    this.#counted(owner === undefined ? this.#parts.port.deliver(answer) : this.#send(owner, answer));
  }

  #ownAddress(family: 4 | 6): Address | undefined {
    for (const { leases } of this.#parts.port.attached()) {
      const lease = leases.find(({ address }) => address.family === family);
      if (lease !== undefined) return lease.address;
    }
    return undefined;
  }

  #allows(parsed: ParsedPacket, direction: Flow["direction"]): boolean {
    const { protocol, source, destination, sourcePort, destinationPort } = parsed;
    return this.#parts.policy.evaluate({
      direction,
      protocol,
      source,
      destination,
      sourcePort,
      destinationPort,
    })
      .allow;
  }

  #counted(drop: Drop): Drop {
    this.#parts.drops.count(drop);
    return drop;
  }
}
