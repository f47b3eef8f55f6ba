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
import type { Endpoint, Millis, PeerId } from "../../core/contracts/values.ts";
import { canonicalHost, formatEndpoint, sameEndpoint } from "../../core/wire/endpoint.ts";
import {
  decodeGre,
  type GreHeader,
  greHeaderLength,
  GreProtocol,
  writeGreHeader,
} from "../../core/wire/gre.ts";
import { longestDatagram, overhead, queuedPackets, silenceMillis } from "./constants.ts";
import { type Device, sourceOf } from "./device.ts";

interface Served {
  readonly device: Device;
  isWanted: boolean;
  /** When its last packet came; undefined while it is silent. */
  heardAt: Millis | undefined;
}

export class GreUdpMachine implements Encapsulation, FixedPeers {
  readonly overhead: { readonly 4: number; readonly 6: number };
  readonly fixedPeers: readonly Device[];
  readonly #byId: ReadonlyMap<PeerId, Served>;
  readonly #bySource: ReadonlyMap<string, Served>;
  readonly #hosts: ReadonlySet<string>;
  readonly #outputs: EncapsulationOutput[] = [];
  /** When a device may have fallen silent. It is not moved by every packet, only looked at again when it has come. */
  #deadline: Millis | undefined;

  /** The devices differ in name, and in host or key. */
  constructor(devices: readonly Device[]) {
    const key = devices.some((device) => device.key !== undefined) ? overhead.key : 0;
    this.overhead = { 4: overhead[4] + key, 6: overhead[6] + key };
    this.fixedPeers = devices;
    const served = devices.map((device): Served => ({ device, isWanted: false, heardAt: undefined }));
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

  forget(endpoint: Endpoint): void {
    for (const served of this.#at(endpoint)) served.isWanted = false;
  }

  disconnect(peer: PeerId): void {
    const served = this.#byId.get(peer);
    if (served === undefined) return;
    served.isWanted = false;
    this.#end(served, "disconnected");
  }

  seal(peer: PeerId, packet: OverlayPacket): Drop {
    const served = this.#byId.get(peer);
    if (served === undefined || !isOpen(served)) return Drop.noSession;
    // The flag would be lost on the way, and with it what keeps a packet from going round.
    if (packet.forwarded || !isIp(packet.protocol)) return Drop.unsupported;
    const { device } = served;
    const header: GreHeader = { protocol: packet.protocol, key: device.key };
    const length = greHeaderLength(header);
    if (length + packet.payload.length > longestDatagram) return Drop.tooBig;
    if (this.#isFull) return Drop.queueFull;
    const datagram = new Uint8Array(length + packet.payload.length);
    writeGreHeader(datagram, 0, header);
    datagram.set(packet.payload, length);
    this.#outputs.push({ type: "transmit", datagram, to: device.endpoint });
    return Drop.none;
  }

  /** The source port says nothing: senders vary it, so that routers spread the flows (RFC 8086 §3.2.1). */
  handleDatagram(datagram: Uint8Array, from: Endpoint, now: Millis): Drop {
    const host = this.#hosts.has(from.host) ? from.host : canonicalHost(from.host);
    if (host === undefined || !this.#hosts.has(host)) return Drop.unknownSession;
    const gre = decodeGre(datagram);
    if (typeof gre === "number") return gre;
    const served = this.#bySource.get(sourceOf({ host, port: from.port }, gre.key));
    if (served === undefined || !isOpen(served)) return Drop.unknownSession;
    if (!isIp(gre.protocol)) return Drop.unsupported;
    if (this.#isFull) return Drop.queueFull;
    this.#heard(served, now);
    const packet = { protocol: gre.protocol, payload: gre.payload.slice(), forwarded: false };
    this.#outputs.push({ type: "packet", from: served.device.id, packet });
    return Drop.none;
  }

  handleTimeout(now: Millis): void {
    if (this.#deadline === undefined || now < this.#deadline) return;
    for (const served of this.#byId.values()) {
      if (served.heardAt !== undefined && now - served.heardAt >= silenceMillis) {
        this.#end(served, `nothing has come for ${silenceMillis / 1000} s`);
      }
    }
    this.#schedule();
  }

  pollTimeout(): Millis | undefined {
    return this.#deadline;
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

  #heard(served: Served, now: Millis): void {
    const isNew = served.heardAt === undefined;
    served.heardAt = now;
    if (!isNew) return;
    this.#deadline ??= now + silenceMillis;
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
    this.#deadline = heard.length === 0 ? undefined : Math.min(...heard) + silenceMillis;
  }
}

function isOpen({ isWanted, heardAt }: Served): boolean {
  return isWanted || heardAt !== undefined;
}

/** Ethernet frames have no place in a routed overlay yet, and control messages are for members. */
function isIp(protocol: number): protocol is GreHeader["protocol"] {
  return protocol === GreProtocol.ipv4 || protocol === GreProtocol.ipv6;
}
