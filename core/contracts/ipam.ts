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
