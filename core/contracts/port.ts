import type { Drop } from "./drop.ts";
import type { OverlayPacket } from "./encapsulation.ts";
import type { Lease } from "./ipam.ts";
import type { Address } from "./values.ts";

/** Where overlay packets enter and leave this host. */
export interface Port {
  /** A packet that the mesh has for a local endpoint. `payload` is free for reuse on return. */
  deliver(packet: OverlayPacket): Drop;
  /** Called once, before `start`: packets from local endpoints, whose memory is the port's, valid during the call. */
  receive(handler: (packet: OverlayPacket) => Drop): void;
  /**
   * Gives an endpoint its addresses and interface, closed until `open`. Idempotent per owner. Rejects and leaves
   * nothing half-made.
   */
  attach(request: Attachment, signal: AbortSignal): Promise<AttachedPort>;
  /** True when there was something to detach. */
  detach(owner: string): Promise<boolean>;
  attached(): Iterable<AttachedPort>;
}

export interface Attachment {
  readonly owner: string;
  readonly name?: string;
  readonly leases: readonly Lease[];
  /** IP bytes of the largest packet, fixed for the life of the interface. */
  readonly mtu: number;
  /** What the port's plugin needs to find the endpoint: a namespace path, a pid; nothing for one inside the process. */
  readonly where?: Readonly<Record<string, string>>;
}

export interface AttachedPort {
  readonly owner: string;
  readonly leases: readonly Lease[];
  readonly mtu: number;
  /** Lets packets through, once checks and policy have answered. Idempotent. */
  open(): Promise<void>;
}

/** A port inside the process: a small IP host of our own, reached by function calls. */
export interface OverlaySockets {
  /** Rejects nothing, throws `ADDRESS_TAKEN` for a bound port; port 0 picks a free one. */
  listenUdp(options: UdpListenOptions, handler: UdpHandler): UdpSocket;
  /** One ICMP or ICMPv6 echo. Rejects `TIMEOUT`, `UNREACHABLE` with the reason the mesh gave. */
  ping(request: PingRequest, signal: AbortSignal): Promise<PingReply>;
}

export interface UdpListenOptions {
  /** One of the node's own overlay addresses. */
  readonly address: Address;
  readonly port: number;
}

export interface UdpAddress {
  readonly address: Address;
  readonly port: number;
}

/** `payload` is the handler's to keep. */
export type UdpHandler = (payload: Uint8Array, from: UdpAddress, socket: UdpSocket) => void;

export interface UdpSocket {
  readonly local: UdpAddress;
  /** Best effort, as UDP is; the reason when it went no further on this node. */
  send(payload: Uint8Array, to: UdpAddress): Drop;
  close(): void;
}

export interface PingRequest {
  readonly from: Address;
  readonly to: Address;
  /** Payload bytes, 0 to what the MTU takes. */
  readonly size: number;
  readonly timeout: number;
}

export interface PingReply {
  readonly from: Address;
  /** Milliseconds with fractions. */
  readonly rtt: number;
  readonly hopLimit: number;
  readonly size: number;
}
