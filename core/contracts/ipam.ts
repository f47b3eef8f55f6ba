import type { Address, PeerId, Prefix } from "./values.ts";

/**
 * Gives addresses, and knows which peer owns which range: the same table routes packets. An owner is any bytes that
 * name an endpoint (a container id, `node`); it may hold several leases, of both families and of several subnets.
 */
export interface Ipam {
  /** What the network spans: one prefix per family at most, IPv4 first. */
  ranges(): readonly Prefix[];
  /** The same lease for the same owner and subnet as long as it is held. Rejects `POOL_EXHAUSTED`, `TIMEOUT`. */
  allocate(request: AllocationRequest, signal: AbortSignal): Promise<Lease>;
  /** A given address. Rejects `ADDRESS_TAKEN`, `INVALID_ARGUMENT`, `UNREACHABLE` when its range's owner cannot be asked. */
  claim(owner: string, address: Address, signal: AbortSignal): Promise<Lease>;
  /** One address of the owner, or all; how many were released. They rest in quarantine before reuse. */
  release(owner: string, address?: Address): Promise<number>;
  leases(): Iterable<Lease>;
  readonly routes: RouteSource;
}

export interface AllocationRequest {
  readonly owner: string;
  /** A prefix inside a range; the whole range by default. Chooses the family. */
  readonly subnet: Prefix;
}

export interface Lease {
  readonly owner: string;
  readonly address: Address;
  /** Length of the on-link prefix: the subnet's. */
  readonly bits: number;
}

/** An ipam that can give a lease to another owner, with no rest in between. */
export interface LeaseTransfer {
  /** Rejects `NOT_FOUND` when `lease` is not held any more. */
  transfer(lease: Lease, owner: string): Promise<Lease>;
}

/** An ipam that was told where addresses come from when nobody asks for a subnet. */
export interface DefaultSubnets {
  /** Inside the ranges, one for each of them. */
  defaultSubnets(): readonly Prefix[];
}

/** Who owns what, for forwarding. */
export interface RouteSource {
  /** Disjoint or nested prefixes; the longest match decides. */
  routes(): Iterable<Route>;
  /** Grows with every change of `routes()`. */
  version(): number;
  /** What this node owns, signed, for the handshake; a few hundred bytes at most. */
  credentials(): Uint8Array;
  /** Takes a peer's `credentials` ahead of data. Hostile bytes change nothing; returns whether anything did. */
  learn(from: PeerId, credentials: Uint8Array): boolean;
}

export interface Route {
  readonly prefix: Prefix;
  readonly owner: PeerId;
  /** The peer that granted it: the only one that may still be sent packets for it, and pass them on. */
  readonly grantedBy?: PeerId;
  /** The owner is a device that this node alone serves: packets go between it and endpoints of this node, no further. */
  readonly isDevice?: true;
}

/** An ipam that can show its ranges to a person. */
export interface IpamReport {
  report(): readonly RangeShare[];
}

export interface RangeShare {
  readonly peer: PeerId;
  readonly prefixes: readonly Prefix[];
  /** Fraction of the network's range of that family, 0 to 1. */
  readonly share: { readonly 4: number; readonly 6: number };
}

/** An ipam whose owner of a range can give a single address of it to another member, for as long as that one keeps it. */
export interface AddressMoves {
  /**
   * Resolves when the address is the member's, durably. Also what rests is given; rejects `UNREACHABLE` when it is another's,
   * `INVALID_ARGUMENT`, and for what could be moved but that somebody here has it `ADDRESS_TAKEN`.
   */
  move(address: Address, to: PeerId): Promise<void>;
}

/** An ipam that can pass a host's whole space on, by the word of the network's voters. */
export interface SpaceTakeover {
  /**
   * `peer` is down, and whoever says so answers for it: what it owns is this node's from now on. Resolves when a majority of
   * the voters holds the decision; harmless if it was said before, here or elsewhere. Rejects `INVALID_ARGUMENT` for this
   * node, `UNREACHABLE` when there is no voter to ask, `TIMEOUT` when no majority has decided in time: it may still do so.
   */
  takeOver(peer: PeerId, signal: AbortSignal): Promise<Takeover>;
  /**
   * Before this node leaves for good: all that it owns becomes `heir`'s, its own leases too. From the call on it gives no
   * address. Resolves when the heir holds it too; rejects as {@link takeOver}, `INVALID_ARGUMENT` for this node or no member; after a
   * rejection it gives addresses again out of what is still its own.
   */
  handOver(heir: PeerId, signal: AbortSignal): Promise<Takeover>;
}

export interface Takeover {
  readonly peer: PeerId;
  readonly heir: PeerId;
  /** What has passed; empty where there was nothing left. */
  readonly prefixes: readonly Prefix[];
}
