import type { AeadName } from "./aead.ts";
import type { DropName } from "./drop.ts";
import type { ErrorCode } from "./errors.ts";
import type { Events } from "./events.ts";
import type { OverlaySockets } from "./port.ts";
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
  connections(): readonly ConnectionStatus[];
  ipam(): IpamStatus;
  targets(): readonly TargetStatus[];
  /** Every reason with its count since the start, also those that never occurred. */
  drops(): Readonly<Record<DropReason, number>>;
  /** Adds endpoints to connect to and keeps trying; `replace` drops all others first. Durable when it resolves. */
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
  /** Overlay sockets inside this process; undefined when the port plugin has none (host mode). */
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
  readonly listen: readonly string[];
  readonly addresses: readonly string[];
  readonly encryption: { readonly aead: AeadName; readonly implementation: string };
  readonly connections: Readonly<Record<ConnectionState, number>>;
  readonly peers: number;
  readonly targets: number;
  readonly ipam: IpamStatus;
  readonly traffic: TrafficStatus;
  /** Only the reasons that occurred. */
  readonly drops: Readonly<Partial<Record<DropReason, number>>>;
  readonly alerts: readonly Alert[];
  /** True when there is no alert and every target has a session: what `status --check` judges by. */
  readonly healthy: boolean;
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

export type ConnectionState = "connecting" | "established" | "retrying" | "failed";

export interface ConnectionStatus {
  readonly direction: "->" | "<-";
  readonly endpoint: string;
  readonly state: ConnectionState;
  readonly peer: PeerId | null;
  readonly name: string | null;
  readonly encrypted: boolean;
  readonly aead: AeadName | null;
  readonly rttMillis: number | null;
  readonly mtu: number;
  /** Why it is not established. */
  readonly reason: string | null;
  readonly code: ErrorCode | null;
}

export interface PeerStatus {
  readonly peer: PeerId;
  readonly name: string;
  readonly self: boolean;
  readonly state: "up" | "down";
  readonly endpoints: readonly string[];
  readonly ranges: readonly string[];
  readonly addresses: readonly string[];
  readonly rttMillis: number | null;
}

export interface IpamStatus {
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
  }[];
}

export interface TargetStatus {
  readonly endpoint: string;
  readonly source: string;
  readonly state: ConnectionState;
  readonly reason: string | null;
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
