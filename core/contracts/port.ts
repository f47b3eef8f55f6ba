import type { Drop } from "./drop.ts";
import type { OverlayPacket } from "./encapsulation.ts";
import type { Lease } from "./ipam.ts";
import type { Address, Prefix } from "./values.ts";

/**
 * Where overlay packets enter and leave this host. What passes is IP packets (0x0800, 0x86DD), or with a port of links
 * (see {@link LinkPort}) Ethernet frames (0x6558) both ways.
 */
export interface Port {
  /** What the mesh has for a local endpoint. `payload` is free for reuse on return. */
  deliver(packet: OverlayPacket): Drop;
  /** Called once, before `start`: what local endpoints send, whose memory is the port's, valid during the call. */
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
  /** As `locate` of the port gave it; absent for an endpoint inside the process. */
  readonly place?: Place;
  readonly link?: LinkOptions;
}

/** Ethernet of an endpoint that has an interface. What is left out has the port's default. */
export interface LinkOptions {
  /** 6 bytes, unicast; derived from the first address by default. */
  readonly mac?: Uint8Array;
  /** Lets frames through that are no untagged IPv4, IPv6 or ARP. */
  readonly allowLayer2?: boolean;
  /** A default route through this address; none is set where there is one already. */
  readonly gateways?: readonly Address[];
  /** A route for multicast through the interface; true by default. */
  readonly multicastRoute?: boolean;
  /** The endpoint is a router: packets from addresses in none of these prefixes may come from it too. */
  readonly forwards?: readonly Prefix[];
}

/**
 * A port whose endpoints have Ethernet interfaces outside this process, in network namespaces of this host. They outlive
 * the node: one that starts adopts what it finds.
 */
export interface LinkPort extends Port {
  /**
   * As {@link Port.attach}; of an owner that is attached with other leases it changes the addresses of its interface and
   * what may pass, both or neither, and nothing else of it but a MAC that followed from an address which goes. What was
   * open is open for them, and the neighbours are told.
   */
  attach(request: Attachment, signal: AbortSignal): Promise<AttachedPort>;
  /**
   * One handler, called with the owner of an endpoint whose interface or namespace is gone without `detach`: `attached`
   * lists it no more, and nothing is left of it.
   */
  watch(handler: (owner: string) => void): void;
  /** Compares what is attached with what is there; the handler of `watch` has been called when it resolves. */
  look(): Promise<void>;
  /**
   * Finds what a person means: `{ netns: path or name }`, `{ pid }` or `{ container: id }`, or `{ host: "" }` for the
   * host itself. Rejects `NOT_FOUND`, and `INVALID_ARGUMENT` for what it does not know.
   */
  locate(where: Where, signal: AbortSignal): Promise<Place>;
  /**
   * Interfaces that an earlier run made and that are still in place. `attach` of such an owner adopts it without
   * touching the interface; what nobody attaches is removed by `forgetRemains`.
   */
  remains(): Iterable<string>;
  forgetRemains(): Promise<void>;
  /** Removes all that this plugin ever made on the host, also what a killed node left. */
  reset(): Promise<void>;
}

export type Where = Readonly<Record<string, string>>;

/** A network namespace and who it is. Data, so that it can be kept across restarts. */
export interface Place {
  /** The same for every way to say the same endpoint: `netns:<device>:<inode>`, or `container:<id>`. */
  readonly owner: string;
  /** A path that opens the namespace now. */
  readonly path: string;
}

export interface AttachedPort {
  readonly owner: string;
  readonly leases: readonly Lease[];
  readonly mtu: number;
  /** Of an endpoint that is sent Ethernet frames: the address of its interface, 6 bytes. */
  readonly mac?: Uint8Array;
  /** Of the same: the name of the interface, as the endpoint sees it. */
  readonly device?: string;
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
