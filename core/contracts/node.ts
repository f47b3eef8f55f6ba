import type { AddressAdmin } from "./addresses.ts";
import type { ConnectionState } from "./connection_state.ts";
import type { Liveness } from "./discovery.ts";
import type { AeadName } from "./aead.ts";
import type { DropName } from "./drop.ts";
import type { ErrorCode } from "./errors.ts";
import type { Events } from "./events.ts";
import type { BridgeAdmin } from "./bridging.ts";
import type { HostAdmin, HostStatus } from "./exposure.ts";
import type { OverlaySockets, Where } from "./port.ts";
import type { BroadcastStatus, PeerLinksStatus, PeerWay } from "./topology.ts";
import type { PeerId } from "./values.ts";

/** Every reason for which a packet can end; `none` is no reason. */
export type DropReason = Exclude<DropName, "none">;

/**
 * A running node as its drivers see it: the admin API, the CLI through the API, and programs that embed a node. Plain
 * data goes in and out (addresses and endpoints as text, times as RFC 3339 in UTC), so that every answer is also a
 * JSON document.
 */
export interface MeshNode extends AsyncDisposable {
  readonly id: PeerId;
  readonly events: Events;
  status(): NodeStatus;
  peers(): readonly PeerStatus[];
  /** Who is linked to whom, as all members tell it. */
  links(): readonly PeerLinksStatus[];
  connections(): readonly ConnectionStatus[];
  ipam(): IpamStatus;
  targets(): readonly TargetStatus[];
  /** Every reason with its count since the start, also those that never occurred. */
  drops(): Readonly<Record<DropReason, number>>;
  /**
   * Adds endpoints to connect to and keeps trying; one that is tried already is tried at once. A host may be a DNS name.
   * `replace` drops all others first. Durable when it resolves.
   */
  connect(endpoints: readonly string[], options?: { readonly replace?: boolean }): Promise<void>;
  /**
   * Takes endpoints off the list and stops trying them; a session that exists stays. Durable when it resolves, and no
   * failure when an endpoint was not listed.
   */
  forget(endpoints: readonly string[]): Promise<void>;
  /** `to` is an overlay address, a peer's name or its id. Rejects `TIMEOUT`, `UNREACHABLE`, `NOT_FOUND`. */
  ping(to: string, options: PingOptions, signal: AbortSignal): Promise<PingResult>;
  readonly tokens: TokenAdmin;
  readonly members: MemberAdmin;
  readonly endpoints: EndpointAdmin;
  readonly addresses: AddressAdmin;
  readonly host: HostAdmin;
  readonly bridges: BridgeAdmin;
  /** Overlay sockets inside this process; undefined when no port plugin has any. */
  readonly overlay: OverlaySockets | undefined;
}

export interface TokenAdmin {
  /** The text form holds the secret: it is shown once, here. */
  create(options?: TokenOptions): Promise<IssuedToken>;
  list(): readonly TokenStatus[];
  /** Also changes the network key, so that what the token's holders know opens nothing. Rejects `NOT_FOUND`. */
  revoke(id: string): Promise<void>;
}

export interface MemberAdmin {
  list(): readonly MemberStatus[];
  /** By peer id or name. Ends its sessions everywhere and changes the network key. Rejects `NOT_FOUND`. */
  revoke(peer: string): Promise<void>;
}

/** Who has addresses of the network on this node: the node itself, and network namespaces of this host. */
export interface EndpointAdmin {
  /**
   * Gives a network namespace an interface with addresses. Resolves when packets pass. Idempotent: the same again has the
   * same answer. Other addresses are added to those that it has; anything else that is asked for in another way is refused
   * until it is detached. Rejects `UNSUPPORTED` on a rootless node, `NOT_FOUND` when there is no such namespace, `ADDRESS_TAKEN`, `POOL_EXHAUSTED`, `UNREACHABLE`,
   * `TIMEOUT`, and `INVALID_ARGUMENT`; then nothing has changed.
   */
  attach(request: AttachRequest, signal: AbortSignal): Promise<EndpointStatus>;
  /** The node's own first, then by owner. */
  list(): readonly EndpointStatus[];
  /**
   * Takes the interface away and gives the addresses back, by owner or by what `attach` was told, also when that is gone.
   * With addresses, in the forms that `attach` takes, only those go, and the interface with the last of them. Rejects
   * `NOT_FOUND` for what is not attached, or has none of an address.
   */
  detach(endpoint: string | Where, signal: AbortSignal, addresses?: readonly string[]): Promise<void>;
}

export interface AttachRequest {
  /** `{ netns: path or name }`, `{ pid }`, `{ container: id }` or `{ host: "" }`. */
  readonly where: Where;
  /**
   * `10.32.1.5` or `ip:10.32.1.5/24` for that very address, `net:10.32.2.0/24` for a free one of a subnet and
   * `net:default` for one of each default subnet, or range without one, which is also what no address at all means.
   */
  readonly addresses?: readonly string[];
  /** As the name of a node is written. */
  readonly name?: string;
  /** What a policy may select by; `default` by default. */
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** IP bytes, 1,280 to what the network carries, which is the default. */
  readonly mtu?: number;
  /** `02:00:00:00:00:01`; follows from the first address by default. */
  readonly mac?: string;
  /** Lets frames through that are no untagged IPv4, IPv6 or ARP. */
  readonly allowLayer2?: boolean;
  /** A default route through the host, if it is exposed and there is none yet; true by default. */
  readonly defaultRoute?: boolean;
  /** A route for multicast through the interface; true by default, but for the host. */
  readonly multicastRoute?: boolean;
}

export interface EndpointStatus {
  /** `node`, or the namespace: `netns:4:4026532281`. */
  readonly owner: string;
  /** What `attach` was told; null for the node's own. */
  readonly where: Where | null;
  readonly name: string | null;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** With the length of the on-link prefix: `10.32.0.5/12`. */
  readonly addresses: readonly string[];
  /** Null for the node's own, which has no interface. */
  readonly mac: string | null;
  /** Of the interface, as the namespace sees it. */
  readonly device: string | null;
  readonly mtu: number;
}

export interface TokenOptions {
  /** Default 24 hours. */
  readonly lifetimeSeconds?: number;
}

export interface IssuedToken {
  readonly id: string;
  readonly token: string;
  readonly expires: string;
  /** The command that a new host runs. */
  readonly join: string;
}

export interface TokenStatus {
  readonly id: string;
  readonly expires: string;
  readonly state: "valid" | "expired" | "revoked";
}

export interface MemberStatus {
  readonly peer: PeerId;
  readonly name: string;
  readonly admittedBy: PeerId | null;
  readonly state: "admitted" | "revoked";
}

export interface NodeStatus {
  readonly version: string;
  readonly runtime: string;
  readonly state: "starting" | "joining" | "ready" | "stopping";
  readonly peer: PeerId;
  readonly name: string;
  readonly network: { readonly id: string; readonly name: string };
  readonly started: string;
  readonly uptimeSeconds: number;
  readonly plugins: Readonly<Record<string, readonly string[]>>;
  /** Where this node takes datagrams: what others connect to, and devices send to. */
  readonly listen: readonly string[];
  /** The same and the streams, each with the transport that it belongs to. */
  readonly listeners: readonly ListenerStatus[];
  readonly nat: NatStatus;
  readonly broadcasts: BroadcastStatus;
  readonly addresses: readonly string[];
  readonly encryption: { readonly aead: AeadName; readonly implementation: string };
  readonly connections: Readonly<Record<ConnectionState, number>>;
  readonly peers: number;
  readonly targets: number;
  readonly ipam: IpamStatus;
  readonly traffic: TrafficStatus;
  readonly datapath: DatapathStatus;
  /** Only the reasons that occurred. */
  readonly drops: Readonly<Partial<Record<DropReason, number>>>;
  /** This machine's own place in the network, and what that changed on it; null on a rootless node. */
  readonly host: HostStatus | null;
  readonly alerts: readonly Alert[];
  /** True when there is no alert and every target has a session: what `status --check` judges by. */
  readonly healthy: boolean;
}

/**
 * What translates the addresses of this node's datagrams, as far as its peers can tell. `translated`: something does, and one
 * peer alone cannot say how; `symmetric`: each peer sees another port, so that others cannot be told of one.
 */
export type NatKind = "unknown" | "none" | "translated" | "endpoint-independent" | "symmetric";

export interface NatStatus {
  readonly kind: NatKind;
  /** From where peers that have a session without a relay see datagrams of this node come, as most of them say first. */
  readonly observed: readonly string[];
  /** Of those, what this node tells all members beside where it listens. */
  readonly announced: readonly string[];
}

/** What carries the packets of this node's interfaces. */
export interface DatapathStatus {
  /** `worker`: a thread of its own carries what it can, and this one the rest; `main`: this one carries all. */
  readonly path: "worker" | "main";
  /** Why it is `main`; null for `worker`. */
  readonly reason: string | null;
  /** How the thread calls C libraries; null without one. */
  readonly ffi: string | null;
  /** What seals packets there, the cheapest cipher first. */
  readonly ciphers: readonly { readonly aead: AeadName; readonly implementation: string }[];
  /** How many threads carry packets past the one that decides; 0 without any. */
  readonly workers: number;
  /** They have a real-time priority, so that packets do not wait for other programs of the machine. */
  readonly isRealtime: boolean;
  /** How often one of them has failed and begun anew. */
  readonly restarts: number;
  /** Null without a thread. */
  readonly counters: DatapathCounters | null;
}

/** What the thread has done since the start of the node, its restarts included. */
export interface DatapathCounters {
  /** UDP datagrams and their bytes, from the socket and to it. */
  readonly datagramsIn: number;
  readonly datagramBytesIn: number;
  readonly datagramsOut: number;
  readonly datagramBytesOut: number;
  /** Ethernet frames and their bytes, from interfaces and to them; one of many segments counts once. */
  readonly framesIn: number;
  readonly frameBytesIn: number;
  readonly framesOut: number;
  readonly frameBytesOut: number;
  /** Rounds of its loop, and how many of them began with a wait because there was nothing to do. */
  readonly turns: number;
  readonly sleeps: number;
  /** What it has left to the main thread, and what was lost because that one was not quick enough (`queueFull`). */
  readonly left: number;
  readonly leftLost: number;
  /** How full the queue to the main thread is now, 0 to 1: how far that one lags behind. */
  readonly backlog: number;
  /** Calls that the kernel refused: to send, and to write to an interface. */
  readonly sendsRefused: number;
  readonly writesRefused: number;
  /** Addresses of this host to answer peers from that were gone: the system's route chooses since. */
  readonly sourcesLost: number;
  /** What the main thread has told it and it could not take; none in a node that is well. */
  readonly commandsRefused: number;
  readonly tablesRefused: number;
}

export interface ListenerStatus {
  /** Name of the plugin. */
  readonly transport: string;
  readonly carries: "datagrams" | "streams";
  readonly endpoint: string;
}

export interface TrafficStatus {
  readonly packetsIn: number;
  readonly packetsOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export interface Alert {
  readonly name: string;
  readonly detail: string;
  readonly since: string;
}

export type { ConnectionState };

export interface ConnectionStatus {
  readonly direction: "->" | "<-";
  readonly endpoint: string;
  readonly state: ConnectionState;
  readonly peer: PeerId | null;
  readonly name: string | null;
  readonly encrypted: boolean;
  readonly aead: AeadName | null;
  readonly rttMillis: number | null;
  /** IP bytes of the largest overlay packet that crosses in one datagram: measured, or before that the network's MTU. */
  readonly mtu: number;
  /** What carries the packets: the thread of the data path with the main thread's help, or that one alone; null without a session. */
  readonly path: "worker" | "main" | null;
  /** Through which member the packets go, its name or its id; null: straight to the peer, or nowhere. */
  readonly relay: string | null;
  /** All members that the packets go through, nearest first, by name or id; the last one is `relay`. */
  readonly via: readonly string[];
  /** What this node has passed on for the peer since it is up; null without a session. */
  readonly relayed: { readonly packets: number; readonly bytes: number } | null;
  /**
   * Overlay packets since the peer is up, and bytes of the datagrams that they crossed in, IP and UDP headers left out; null
   * without a session.
   */
  readonly traffic: TrafficStatus | null;
  /**
   * Share of the messages which the peer has sent in its sessions of the last minutes that have not come, 0 to 1; null
   * when too few were sent to tell, or they are not numbered.
   */
  readonly loss: number | null;
  /** Why it is not established. */
  readonly reason: string | null;
  readonly code: ErrorCode | null;
}

export interface PeerStatus {
  readonly peer: PeerId;
  readonly name: string;
  readonly self: boolean;
  /** Whether there is a session with it. */
  readonly state: "up" | "down";
  /** What the members know of it together; null where none of them gossips, or it does not. */
  readonly liveness: Liveness | null;
  readonly endpoints: readonly string[];
  readonly ranges: readonly string[];
  readonly addresses: readonly string[];
  readonly rttMillis: number | null;
  /** How it is reached, by its session or else as the links of all say; null where nothing is known of that. */
  readonly way: PeerWay | null;
}

export interface IpamStatus {
  /** `waiting`: this node has no addresses of its own yet, or somebody here waits for one of a range that is full. */
  readonly state: "ready" | "waiting";
  readonly ranges: readonly string[];
  readonly leases: readonly { readonly owner: string; readonly address: string }[];
  readonly shares: readonly {
    readonly peer: PeerId;
    readonly name: string;
    readonly ranges: readonly string[];
    readonly share4: number;
    readonly share6: number;
    readonly reachable: boolean;
    /** What the members know of it together; null where none of them gossips, and of this node. */
    readonly liveness: Liveness | null;
    /** How many addresses are in use; null for other nodes, which do not tell. */
    readonly active: number | null;
  }[];
  /** Who has asked here for an address that could not be given yet. */
  readonly waiting: readonly { readonly owner: string; readonly subnet: string; readonly since: string }[];
}

export interface TargetStatus {
  /** As it was named: `198.51.100.7:6783`, `mesh.example.net:6783`. */
  readonly endpoint: string;
  readonly source: string;
  /** Of a name that of its place that fares best; a name that stands for nothing yet is `connecting`, or `retrying`. */
  readonly state: ConnectionState;
  /** Why there is no session, or why a name may be out of date although there is one. */
  readonly reason: string | null;
  /** What is tried: the endpoint itself, or what its name stands for. */
  readonly places: readonly string[];
  /** When it is tried or looked up next; null while there is a session, or nobody knows. */
  readonly nextAttempt: string | null;
}

export interface PingOptions {
  readonly size?: number;
  readonly timeoutMillis?: number;
  readonly family?: 4 | 6;
}

export interface PingResult {
  readonly from: string;
  readonly rttMillis: number;
  readonly hopLimit: number;
  readonly size: number;
}
