/**
 * GRE in UDP (RFC 8086) as a pure machine. There is no handshake and no secret: a device is who sends from its host with
 * its key, and what it may send is for forwarding to check. A device is served from `connect` to `disconnect`, or until
 * it falls silent after `forget`.
 *
 *     connect ──> waiting ──packet──> heard ──silence──> waiting
 *                    └──forget──> closed <──silence── heard, forgotten
 *
 * Sequence numbers are read and not judged (RFC 2890 §2.2 leaves it to the receiver): IP keeps no order, and a device
 * that has restarted begins at zero again, which a judge would take for late packets for hours.
 */
import { Drop } from "../../core/contracts/drop.ts";
import type {
  Encapsulation,
  EncapsulationOutput,
  FixedPeers,
  OverlayPacket,
  SessionTarget,
} from "../../core/contracts/encapsulation.ts";
import type { DropCounters } from "../../core/contracts/host.ts";
import type { Address, Endpoint, Millis, PeerId } from "../../core/contracts/values.ts";
import { canonicalHost, formatEndpoint, sameEndpoint } from "../../core/wire/endpoint.ts";
import { ethernetHeaderLength } from "../../core/wire/ethernet.ts";
import { decodeGre, encodeGre, greHeaderLength, type GrePacket, GreProtocol } from "../../core/wire/gre.ts";
import { longestDatagram, overhead, queuedPackets, silenceMillis } from "./constants.ts";
import { type Device, sourceOf } from "./device.ts";
import { EthernetLink } from "./ethernet_link.ts";

interface Served {
  readonly device: Device;
  /** Of a device that sends and takes Ethernet frames. */
  readonly link: EthernetLink | undefined;
  isWanted: boolean;
  /** When its last packet came; undefined while it is silent. */
  heardAt: Millis | undefined;
}

export class GreUdpMachine implements Encapsulation, FixedPeers {
  readonly overhead: { readonly 4: number; readonly 6: number };
  readonly fixedPeers: readonly Device[];
  readonly #byId: ReadonlyMap<PeerId, Served>;
  readonly #bySource: ReadonlyMap<string, Served>;
  readonly #links: readonly Served[];
  readonly #hosts: ReadonlySet<string>;
  readonly #outputs: EncapsulationOutput[] = [];
  /** When a device may have fallen silent. It is not moved by every packet, only looked at again when it has come. */
  #silentAt: Millis | undefined;
  #isOurs: (address: Address) => boolean = () => false;

  /** The devices differ in name, and in host or key. `drops`: of packets that no return value is left to tell of. */
  constructor(devices: readonly Device[], drops: DropCounters) {
    const extra = (devices.some((device) => device.key !== undefined) ? overhead.key : 0) +
      (devices.some((device) => device.isEthernet) ? overhead.ethernet : 0);
    this.overhead = { 4: overhead[4] + extra, 6: overhead[6] + extra };
    this.fixedPeers = devices;
    const parts = { drops, isOurs: (address: Address) => this.#isOurs(address) };
    const served = devices.map((device): Served => {
      const link = device.isEthernet ? new EthernetLink(device, parts) : undefined;
      return { device, link, isWanted: false, heardAt: undefined };
    });
    this.#links = served.filter(({ link }) => link !== undefined);
    this.#byId = new Map(served.map((each) => [each.device.id, each]));
    this.#bySource = new Map(
      served.map((each) => [sourceOf(each.device.endpoint, each.device.key), each]),
    );
    this.#hosts = new Set(devices.map(({ endpoint }) => endpoint.host));
  }

  /** Opens the devices at this endpoint. Nothing is sent: a device answers traffic, not greetings. */
  connect(target: SessionTarget): void {
    const at = this.#at(target.endpoint).filter(({ device }) =>
      target.peer === undefined || target.peer.id === device.id
    );
    for (const served of at) served.isWanted = true;
    if (at.length > 0) return;
    const reason = `no peer of the configuration is at ${formatEndpoint(target.endpoint)}`;
    this.#outputs.push({ type: "attempt-failed", target, code: "NOT_FOUND", reason });
  }

  /** Asked where a device asks who has an address. */
  answerFor(isOurs: (address: Address) => boolean): void {
    this.#isOurs = isOurs;
  }

  forget(endpoint: Endpoint): void {
    for (const served of this.#at(endpoint)) {
      served.isWanted = false;
      closeUnserved(served);
    }
  }

  disconnect(peer: PeerId): void {
    const served = this.#byId.get(peer);
    if (served === undefined) return;
    served.isWanted = false;
    this.#end(served, "disconnected");
    closeUnserved(served);
  }

  seal(peer: PeerId, packet: OverlayPacket, now: Millis): Drop {
    const served = this.#byId.get(peer);
    if (served === undefined || !isOpen(served)) return Drop.noSession;
    // The flag would be lost on the way, and with it what keeps a packet from going round.
    if (packet.forwarded || !isIp(packet.protocol)) return Drop.unsupported;
    const { device, link } = served;
    const length = headerLength(device) + packet.payload.length;
    if (length > longestDatagram) return Drop.tooBig;
    if (this.#isFull) return Drop.queueFull;
    if (link === undefined) {
      this.#transmit(device, packet.protocol, packet.payload);
      return Drop.none;
    }
    const drop = link.seal(packet, now);
    this.#takeFrom(served);
    return drop;
  }

  /** The source port says nothing: senders vary it, so that routers spread the flows (RFC 8086 §3.2.1). */
  handleDatagram(datagram: Uint8Array, from: Endpoint, now: Millis): Drop {
    const host = this.#hosts.has(from.host) ? from.host : canonicalHost(from.host);
    if (host === undefined || !this.#hosts.has(host)) return Drop.unknownSession;
    const gre = decodeGre(datagram);
    if (typeof gre === "number") return gre;
    const served = this.#bySource.get(sourceOf({ host, port: from.port }, gre.key));
    if (served === undefined || !isOpen(served)) return Drop.unknownSession;
    if (this.#isFull) return Drop.queueFull;
    if (served.link !== undefined) return this.#receiveFrame(served, gre, now);
    if (!isIp(gre.protocol)) return Drop.unsupported;
    this.#heard(served, now);
    const packet = { protocol: gre.protocol, payload: gre.payload.slice(), forwarded: false };
    this.#outputs.push({ type: "packet", from: served.device.id, packet });
    return Drop.none;
  }

  handleTimeout(now: Millis): void {
    for (const served of this.#links) {
      served.link!.handleTimeout(now);
      this.#takeFrom(served);
    }
    if (this.#silentAt === undefined || now < this.#silentAt) return;
    for (const served of this.#byId.values()) {
      if (served.heardAt !== undefined && now - served.heardAt >= silenceMillis) {
        this.#end(served, `nothing has come for ${silenceMillis / 1000} s`);
        closeUnserved(served);
      }
    }
    this.#schedule();
  }

  pollTimeout(): Millis | undefined {
    let deadline = this.#silentAt;
    for (const { link } of this.#links) deadline = earlier(deadline, link!.deadline);
    return deadline;
  }

  poll(): EncapsulationOutput | undefined {
    return this.#outputs.shift();
  }

  get #isFull(): boolean {
    return this.#outputs.length >= queuedPackets;
  }

  #at(endpoint: Endpoint): readonly Served[] {
    return [...this.#byId.values()].filter(({ device }) => sameEndpoint(device.endpoint, endpoint));
  }

  /** Plain IP is another tunnel than the one that the configuration speaks of. */
  #receiveFrame(served: Served, gre: GrePacket, now: Millis): Drop {
    if (gre.protocol !== GreProtocol.ethernet) return Drop.unsupported;
    const drop = served.link!.receive(gre.payload, now);
    if (drop === Drop.none) this.#heard(served, now);
    this.#takeFrom(served);
    return drop;
  }

  #takeFrom({ device, link }: Served): void {
    for (const output of link!.takeOutputs()) {
      if (output.type === "frame") this.#transmit(device, GreProtocol.ethernet, output.frame);
      else this.#outputs.push({ type: "packet", from: device.id, packet: output.packet });
    }
  }

  #transmit({ key, endpoint }: Device, protocol: GreProtocol, payload: Uint8Array): void {
    const datagram = encodeGre({ protocol, key }, payload);
    this.#outputs.push({ type: "transmit", datagram, to: endpoint });
  }

  #heard(served: Served, now: Millis): void {
    const isNew = served.heardAt === undefined;
    served.heardAt = now;
    if (!isNew) return;
    this.#silentAt ??= now + silenceMillis;
    const { id: peer, endpoint, name } = served.device;
    this.#outputs.push({ type: "device-up", session: { peer, endpoint, initiator: true, since: now }, name });
  }

  #end(served: Served, reason: string): void {
    if (served.heardAt === undefined) return;
    served.heardAt = undefined;
    this.#outputs.push({ type: "session-down", peer: served.device.id, reason });
    this.#schedule();
  }

  #schedule(): void {
    const heard = [...this.#byId.values()].flatMap(({ heardAt }) => heardAt ?? []);
    this.#silentAt = heard.length === 0 ? undefined : Math.min(...heard) + silenceMillis;
  }
}

function isOpen({ isWanted, heardAt }: Served): boolean {
  return isWanted || heardAt !== undefined;
}

function closeUnserved(served: Served): void {
  if (!isOpen(served)) served.link?.close();
}

/** Bytes before an IP packet in a datagram to `device`. */
function headerLength({ key, isEthernet }: Device): number {
  const length = greHeaderLength({ protocol: GreProtocol.ethernet, key });
  return isEthernet ? length + ethernetHeaderLength : length;
}

function earlier(left: Millis | undefined, right: Millis | undefined): Millis | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  return Math.min(left, right);
}

/**
 * A frame of somebody's has no place in a routed overlay, also where frames are the way, and control messages are for
 * members.
 */
function isIp(protocol: number): protocol is GreProtocol {
  return protocol === GreProtocol.ipv4 || protocol === GreProtocol.ipv6;
}
