/**
 * A small IP host inside the process. It has addresses, answers echo requests, and offers UDP sockets and `ping` as
 * function calls; everything else that reaches it is dropped and counted. Full stacks compiled from C were rejected:
 * nothing here needs TCP, and their memory is not bounded by anything a reader can see.
 *
 *     UdpSocket.send, ping ──► transmit ──► handler of `receive` (the node: source check, table, policy, session)
 *                                   └─ to an address of the same endpoint ──► turn queue ─┐
 *     UdpHandler, PingReply ◄── demultiplex ◄─────────────────────────────────────────────┴── deliver (from the node)
 *
 * Who counts: what `deliver` and the handler return is counted by the node, which calls the one and made the other.
 * The port counts only what they never see: a send that it refuses, and a packet that went through the turn queue.
 */
import { Drop } from "../../core/contracts/drop.ts";
import type { OverlayPacket } from "../../core/contracts/encapsulation.ts";
import { MeshError } from "../../core/contracts/errors.ts";
import type { Host } from "../../core/contracts/host.ts";
import type { Lifecycle } from "../../core/contracts/lifecycle.ts";
import type {
  AttachedPort,
  Attachment,
  OverlaySockets,
  PingReply,
  PingRequest,
  Port,
  UdpHandler,
  UdpListenOptions,
  UdpSocket,
} from "../../core/contracts/port.ts";
import type { Address } from "../../core/contracts/values.ts";
import {
  formatAddress,
  isLimitedBroadcast,
  isLoopback,
  isMulticast,
  isUnspecified,
} from "../../core/wire/address.ts";
import { copyBytes } from "../../core/wire/bytes.ts";
import { readU16 } from "../../core/wire/field.ts";
import { GreProtocol } from "../../core/wire/gre.ts";
import {
  decodeIcmp,
  encodeEcho,
  type IcmpEcho,
  icmpHeaderLength,
  icmpProtocol,
} from "../../core/wire/icmp.ts";
import { icmpUnreachable } from "../../core/wire/icmp_error.ts";
import { parseQuote, type Quote } from "../../core/wire/icmp_quote.ts";
import { ipHeaderLength, type IpPacket, IpProtocol } from "../../core/wire/ip.ts";
import { decodeIpv4 } from "../../core/wire/ipv4.ts";
import { decodeIpv6 } from "../../core/wire/ipv6.ts";
import { decodeUdp } from "../../core/wire/udp.ts";
import { Attachments, type LocalEndpoint } from "./attachments.ts";
import { Pings, quotesEcho } from "./pings.ts";
import { TokenBucket } from "./token_bucket.ts";
import { TurnQueue } from "./turn_queue.ts";
import { UdpSockets } from "./udp_sockets.ts";

/** ICMP errors that this host sends: enough to tell every mistaken sender, too few to be a weapon. */
const icmpErrorRate = { perSecond: 100, burst: 50 };

export type UserspaceHost = Pick<Host, "clock" | "random" | "drops" | "log">;

export class UserspacePort implements Port, OverlaySockets, Lifecycle {
  readonly #host: UserspaceHost;
  readonly #attachments = new Attachments();
  readonly #sockets: UdpSockets;
  readonly #pings: Pings;
  readonly #errors: TokenBucket;
  readonly #later: TurnQueue<OverlayPacket>;
  #handler: ((packet: OverlayPacket) => Drop) | undefined;
  #sending = false;

  constructor(host: UserspaceHost) {
    const { clock, random, log } = host;
    this.#host = host;
    this.#sockets = new UdpSockets({
      random,
      log,
      transmit: this.#transmit.bind(this),
      refused: this.#count.bind(this),
    });
    this.#pings = new Pings(clock, random);
    this.#errors = new TokenBucket(clock, icmpErrorRate);
    this.#later = new TurnQueue(clock, (packet) => this.#count(this.#receive(packet)));
  }

  /** Never throws. A packet that comes while the node still handles one of ours waits for the next turn. */
  deliver(packet: OverlayPacket): Drop {
    if (!this.#sending) return this.#receive(packet);
    return this.#later.add({ ...packet, payload: copyBytes(packet.payload) });
  }

  receive(handler: (packet: OverlayPacket) => Drop): void {
    this.#handler = handler;
  }

  // deno-lint-ignore require-await -- the contract is asynchronous; there is nothing to wait for
  async attach(request: Attachment, signal: AbortSignal): Promise<AttachedPort> {
    signal.throwIfAborted();
    return this.#attachments.attach(request);
  }

  /** Its sockets are closed, and its pings rejected. */
  // deno-lint-ignore require-await -- the contract is asynchronous; there is nothing to wait for
  async detach(owner: string): Promise<boolean> {
    return this.#remove(owner);
  }

  attached(): Iterable<AttachedPort> {
    return this.#attachments;
  }

  /** Throws `ADDRESS_TAKEN`, or `INVALID_ARGUMENT` for an address of somebody else and for what is no port. */
  listenUdp(options: UdpListenOptions, handler: UdpHandler): UdpSocket {
    const endpoint = this.#holder(options.address, "listen on");
    return this.#sockets.bind(options, endpoint, handler);
  }

  /** Rejects `TIMEOUT`, `UNREACHABLE`, `INVALID_ARGUMENT`, `POOL_EXHAUSTED`, and with the signal's reason. */
  async ping(request: PingRequest, signal: AbortSignal): Promise<PingReply> {
    const endpoint = this.#holder(request.from, "ping from");
    requireSound(request, endpoint);
    return await this.#pings.send(request, signal, (packet) => this.#transmit(packet, endpoint, request.to));
  }

  // deno-lint-ignore require-await -- the contract is asynchronous; there is nothing to wait for
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { owner } of [...this.#attachments]) this.#remove(owner);
    this.#later.clear();
  }

  #remove(owner: string): boolean {
    const endpoint = this.#attachments.detach(owner);
    if (endpoint === undefined) return false;
    this.#sockets.closeAll(endpoint);
    this.#pings.abandon((address) => endpoint.holds(address));
    return true;
  }

  #holder(address: Address, purpose: string): LocalEndpoint {
    const endpoint = this.#attachments.at(address);
    if (endpoint !== undefined) return endpoint;
    throw new MeshError(
      "INVALID_ARGUMENT",
      `Cannot ${purpose} ${formatAddress(address)}: it is not an address of this node`,
    );
  }

  #receive(overlay: OverlayPacket): Drop {
    const packet = decodeOverlay(overlay);
    if (typeof packet === "number") return packet;
    const endpoint = this.#attachments.at(packet.destination);
    if (endpoint === undefined) return Drop.noListener;
    if (!endpoint.isOpen) return Drop.denied;
    // Putting fragments together needs memory that a stranger fills: senders learn the path's MTU instead.
    if (packet.isFragment) return Drop.unsupported;
    if (!isSingleHost(packet.source)) return Drop.badSource;
    return this.#demultiplex(packet, endpoint);
  }

  #demultiplex(packet: IpPacket, endpoint: LocalEndpoint): Drop {
    switch (packet.protocol) {
      case icmpProtocol(packet.family):
        return this.#receiveIcmp(packet, endpoint);
      case IpProtocol.udp:
        return this.#receiveUdp(packet, endpoint);
      case IpProtocol.tcp:
        return this.#refuse(packet, endpoint);
      default:
        return Drop.unsupported;
    }
  }

  #receiveUdp(packet: IpPacket, endpoint: LocalEndpoint): Drop {
    const datagram = decodeUdp(packet);
    if (typeof datagram === "number") return datagram;
    const isHandled = this.#sockets.hand(datagram, packet.source, packet.destination);
    return isHandled ? Drop.none : this.#refuse(packet, endpoint);
  }

  /** "Port unreachable", which is the truth for TCP too: its senders give up at once instead of after minutes. */
  #refuse(packet: IpPacket, endpoint: LocalEndpoint): Drop {
    const answer = this.#errors.take()
      ? icmpUnreachable(packet.bytes, "portUnreachable", packet.destination)
      : undefined;
    if (answer !== undefined) this.#transmit(answer, endpoint, packet.source);
    return Drop.noListener;
  }

  #receiveIcmp(packet: IpPacket, endpoint: LocalEndpoint): Drop {
    const message = decodeIcmp(packet);
    if (typeof message === "number") return message;
    switch (message.kind) {
      case "echoRequest":
        return this.#answerEcho(packet, message, endpoint);
      case "echoReply":
        return this.#pings.answered(packet, message);
      case "other":
        return Drop.unsupported;
    }
    const quote = parseQuote(message.quote);
    if (quote === undefined) return Drop.malformed;
    if (quotesEcho(quote)) return this.#pings.failed(message, quote, packet.source);
    // UDP has no way to tell a socket; believed is only what names one of ours.
    const isOurs = quote.protocol === IpProtocol.udp && this.#sockets.has(quote.source, sourcePort(quote));
    return isOurs ? Drop.none : Drop.noListener;
  }

  #answerEcho(packet: IpPacket, request: IcmpEcho, endpoint: LocalEndpoint): Drop {
    const { source, destination, trafficClass } = packet;
    const route = { source: destination, destination: source, trafficClass };
    this.#transmit(encodeEcho(route, { ...request, kind: "echoReply" }), endpoint, source);
    return Drop.none;
  }

  /** Every packet that leaves is built here from an address of `from`: there is no other way to send. */
  #transmit(packet: Uint8Array, from: LocalEndpoint, to: Address): Drop {
    if (!from.isOpen) return this.#count(Drop.denied);
    if (packet.length > from.mtu) return this.#count(Drop.tooBig);
    const protocol = to.family === 4 ? GreProtocol.ipv4 : GreProtocol.ipv6;
    const overlay = { protocol, payload: packet, forwarded: false };
    return from.holds(to) ? this.#count(this.#later.add(overlay)) : this.#handOver(overlay);
  }

  #handOver(overlay: OverlayPacket): Drop {
    if (this.#handler === undefined) return this.#count(Drop.noRoute);
    const wasSending = this.#sending;
    this.#sending = true;
    try {
      return this.#handler(overlay);
    } finally {
      this.#sending = wasSending;
    }
  }

  #count(drop: Drop): Drop {
    this.#host.drops.count(drop);
    return drop;
  }
}

function decodeOverlay({ protocol, payload }: OverlayPacket): IpPacket | Drop {
  if (protocol === GreProtocol.ipv4) return decodeIpv4(payload);
  return protocol === GreProtocol.ipv6 ? decodeIpv6(payload) : Drop.unsupported;
}

/** A source that an answer could go to (RFC 1122 §3.2.1.3, RFC 4291 §2.5.2, §2.7). */
function isSingleHost(source: Address): boolean {
  return !isMulticast(source) && !isUnspecified(source) && !isLimitedBroadcast(source) && !isLoopback(source);
}

function sourcePort({ payload }: Quote): number {
  return readU16(payload, 0);
}

function requireSound(request: PingRequest, endpoint: LocalEndpoint): void {
  const fault = pingFault(request, endpoint.mtu);
  if (fault === undefined) return;
  throw new MeshError("INVALID_ARGUMENT", `Cannot ping ${formatAddress(request.to)}: ${fault}`);
}

function pingFault({ from, to, size, timeout }: PingRequest, mtu: number): string | undefined {
  if (from.family !== to.family) return `${formatAddress(from)} is of the other family`;
  const most = mtu - ipHeaderLength(from.family) - icmpHeaderLength;
  if (!Number.isInteger(size) || size < 0 || size > most) {
    return `${size} bytes do not fit; give 0 to ${most}`;
  }
  return timeout > 0 ? undefined : `a timeout of ${timeout} ms is over at once; give more than 0`;
}
