import type { LinkPort } from "./port.ts";
import type { Address, Prefix } from "./values.ts";

/** A port of links that can also take care of the host around the interface that it gives it. */
export interface HostPort extends LinkPort {
  readonly host: HostNetwork;
  /**
   * Sets the default routes of an endpoint that is attached: through the first of `gateways` of each family where it has
   * none, and through no other address that it had from us. Routes that others have set stay. Rejects `NOT_FOUND`.
   */
  route(owner: string, gateways: readonly Address[], signal: AbortSignal): Promise<void>;
}

/**
 * Firewall, address translation and forwarding of the host. All that is ours is in a table of our own; what has to be
 * where another tool decides has our comment, is listed by `state`, and goes with `clear`.
 */
export interface HostNetwork {
  /**
   * Makes the host what `plan` says, in place of the plan before, and keeps it so when another tool takes rules away.
   * Idempotent. Rejects `UNSUPPORTED` without programs or rights, `PLUGIN_FAILED`; the plan before is then still kept.
   */
  apply(plan: HostPlan, signal: AbortSignal): Promise<void>;
  /** Routes of the host, of other interfaces than ours, that lie in one of `ranges` or around it, as `ip route` says them. */
  overlaps(ranges: readonly Prefix[], signal: AbortSignal): Promise<readonly string[]>;
  /** Takes everything back that this or an earlier run has made on the host. */
  clear(): Promise<void>;
  /** As of the last look. */
  state(): HostState;
  /** One handler, called when `state` has changed by something else than `apply`. */
  onChange(handler: () => void): void;
}

export interface HostPlan {
  /** The host's interface in the network; undefined while it has none. */
  readonly device: string | undefined;
  /** What the network spans. */
  readonly ranges: readonly Prefix[];
  /** Undefined leaves sources as they are. */
  readonly masquerade: Masquerade | undefined;
  readonly services: readonly HostService[];
  /** Of the node itself: closed to what comes from the network, and to what comes for 127.0.0.0/8 from elsewhere. */
  readonly closed: readonly ClosedPort[];
}

/**
 * What leaves the network through the host, and what enters it, gets an address of the host as its source: nobody outside
 * has a route to the network, and nobody in it one to whoever is outside. Packets between members keep theirs.
 */
export interface Masquerade {
  /** Source ports by chance, so that two clients in a hurry do not get the same one. */
  readonly randomFully: boolean;
  /** Endpoints of this host, which see the source of what enters for them: their answers pass here anyway. */
  readonly unmasked: readonly Address[];
}

export type ServiceProtocol = "tcp" | "udp";

/** Of the family of its target; port 1 to 65,535. */
export interface ServicePlace {
  /** Undefined stands for every address of the host of the family. */
  readonly address: Address | undefined;
  readonly port: number;
}

export interface HostService {
  /** `export`: who comes to the host is sent into the network. `import`: who comes from the network is sent out. */
  readonly kind: "export" | "import";
  readonly protocol: ServiceProtocol;
  readonly listen: ServicePlace;
  readonly target: { readonly address: Address; readonly port: number };
}

export interface ClosedPort {
  readonly protocol: ServiceProtocol;
  readonly port: number;
}

export interface HostState {
  /** Our rules among those of others, and settings of the kernel that are not what they were. */
  readonly changes: readonly HostChange[];
  /** How often something of ours was gone and was made again, since the start. */
  readonly restored: number;
  /** What an operator has to look after, as sentences. */
  readonly problems: readonly string[];
}

export interface HostChange {
  /** Whose rules or settings they are: `nftables`, `iptables-nft`, `ip6tables-legacy`, `firewalld`, `sysctl`. */
  readonly tool: string;
  /** `inet filter forward`, `FORWARD`, `DOCKER-USER`, `zone trusted`, `net.ipv4.ip_forward`. */
  readonly place: string;
  /** What is there. */
  readonly what: string;
}

/** The host's own place in the network, as the API and the command line drive it. */
export interface HostAdmin {
  /**
   * Gives the host addresses beside those that it has, and sets how sources are translated. Idempotent, kept over restarts.
   * Rejects `UNSUPPORTED` on a rootless node, `INVALID_ARGUMENT` also where a route of the host lies in the network's
   * range, and as `attach` does.
   */
  expose(request: ExposeRequest, signal: AbortSignal): Promise<HostStatus>;
  /** Takes addresses away, all by default; which ones. No failure when the host has none of them. */
  hide(addresses: readonly string[], signal: AbortSignal): Promise<readonly string[]>;
  /** Undefined on a rootless node. */
  status(): HostStatus | undefined;
  /**
   * Keeps a service. The same again is no failure; another target needs `rebind`. Rejects `ADDRESS_TAKEN` for a place that
   * another service or this node listens at, `NOT_FOUND` when there is nothing to rebind, `INVALID_ARGUMENT`.
   */
  putService(request: ServiceRequest, signal: AbortSignal): Promise<ServiceStatus>;
  /** Rejects `NOT_FOUND`. */
  removeService(protocol: ServiceProtocol, listen: string, signal: AbortSignal): Promise<void>;
}

export interface ExposeRequest {
  /** As for an endpoint: `ip:10.32.0.7/24`, `net:10.32.2.0/24`, `net:default`, which none at all means. */
  readonly addresses?: readonly string[];
  /** Name of the host in the network. */
  readonly name?: string;
  /** Default true. */
  readonly masquerade?: boolean;
  /** Default false. */
  readonly randomFully?: boolean;
  /** Endpoints of this host see the source of what enters for them; default false. */
  readonly noMasqLocal?: boolean;
}

export interface ServiceRequest {
  /** May be left out with `rebind`. */
  readonly kind?: HostService["kind"];
  readonly protocol?: ServiceProtocol;
  /** `192.0.2.1:8080`, `[2001:db8::1]:8080`, `0.0.0.0:8080` or `[::]:8080`. */
  readonly listen: string;
  readonly target: string;
  /** Gives a service that is there another target. */
  readonly rebind?: boolean;
}

export interface ServiceStatus {
  readonly kind: HostService["kind"];
  readonly protocol: ServiceProtocol;
  readonly listen: string;
  readonly target: string;
  /** `waiting` until the host has the addresses that it needs. */
  readonly state: "active" | "waiting";
}

export interface HostStatus {
  /** Null while the host has no address of the network. */
  readonly device: string | null;
  readonly name: string | null;
  readonly addresses: readonly string[];
  readonly masquerade: boolean;
  readonly randomFully: boolean;
  readonly noMasqLocal: boolean;
  readonly services: readonly ServiceStatus[];
  readonly changes: readonly HostChange[];
  readonly restored: number;
  readonly problems: readonly string[];
}
