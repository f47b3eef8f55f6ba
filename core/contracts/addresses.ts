import type { PeerId } from "./values.ts";
import type { PeerWay } from "./topology.ts";

/**
 * Addresses for those that the node attaches nothing for: scripts and other programs that name an owner, any text of up to 240
 * characters but `.` and `..`, and bring its packets here themselves. What endpoints have is listed too, and changed by attaching and detaching
 * only.
 */
export interface AddressAdmin {
  /** Everybody on this node who has addresses, endpoints included. */
  list(): readonly AddressOwner[];
  /**
   * Those of one owner, in one subnet when it is named; of an endpoint, also by the id of its container. Empty when it has
   * none. Throws `INVALID_ARGUMENT` for a subnet.
   */
  of(owner: string, subnet?: string): readonly string[];
  /**
   * The same address for the same owner and subnet, `10.32.0.1/12`. Where all are taken it waits until one is free: rejects
   * `TIMEOUT` when the signal aborts, `INVALID_ARGUMENT` for an owner or a subnet, `POOL_EXHAUSTED` when too many wait.
   */
  allocate(request: AddressRequest, signal: AbortSignal): Promise<string>;
  /** This very address. Rejects `ADDRESS_TAKEN`, `UNREACHABLE` when its range's owner cannot be asked, `INVALID_ARGUMENT`. */
  claim(owner: string, address: string, signal: AbortSignal): Promise<string>;
  /** One address of the owner, or all. Rejects `NOT_FOUND` when there is none. They rest before anybody gets them again. */
  release(owner: string, address?: string): Promise<readonly string[]>;
  /** Releases what owners have that are not among these; endpoints keep theirs. The owners that are gone. */
  keep(owners: readonly string[]): Promise<readonly string[]>;
  /** Whether the owner names a container that does not run; false where that cannot be told. */
  isGone(owner: string, signal: AbortSignal): Promise<boolean>;
  /** Rejects `INVALID_ARGUMENT` for what is no address of the network. */
  why(address: string): AddressOrigin;
  /**
   * Gives an address of this node's range to a member, by name or id: packets for it go there from now on, and only there it
   * can be claimed. An owner that was named here loses it. Rejects `ADDRESS_TAKEN` while an endpoint has it, `UNREACHABLE`
   * when the range is another's; then its owner keeps it.
   */
  move(address: string, to: string): Promise<void>;
  /**
   * What a member owned that is down for good becomes this node's, by the word of the voters; harmless when it is repeated.
   * Rejects `NOT_FOUND`, `UNREACHABLE`, `TIMEOUT` without a majority, and without force `INVALID_ARGUMENT` for a member that
   * discovery does not hold for dead.
   */
  takeOver(request: TakeOverRequest, signal: AbortSignal): Promise<TakenOver>;
  /** Where addresses come from when no subnet is named, IPv4 first. */
  defaultSubnets(): readonly string[];
}

export interface TakeOverRequest {
  /** Name or id. */
  readonly peer: string;
  /** Also of a member that seems to be up. */
  readonly force?: boolean;
}

export interface AddressRequest {
  readonly owner: string;
  /** A CIDR; the IPv4 default subnet when it is left out. */
  readonly subnet?: string;
}

export interface AddressOwner {
  readonly owner: string;
  /** `external`: it was named by `allocate` or `claim`, and holds its addresses until they are released. */
  readonly kind: "node" | "host" | "endpoint" | "external";
  readonly addresses: readonly string[];
}

export interface AddressOrigin {
  readonly address: string;
  /** Null for an address of a range that nobody owns. */
  readonly peer: PeerId | null;
  readonly name: string | null;
  /** Who has it on this node; null when nobody has, and when it is another node's. */
  readonly owner: string | null;
  /** From the widest range to the one that decides. */
  readonly steps: readonly AddressStep[];
  /** How the peer is reached; null for this node. */
  readonly way: PeerWay | null;
}

export interface AddressStep {
  readonly range: string;
  readonly peer: PeerId;
  readonly name: string | null;
  /** Who gave it; null for what was there from the beginning, was taken over, or is configured. */
  readonly grantedBy: { readonly peer: PeerId; readonly name: string | null } | null;
}

export interface TakenOver {
  readonly peer: PeerId;
  readonly ranges: readonly string[];
  /** How many IPv4 addresses these are. */
  readonly addresses: number;
}
