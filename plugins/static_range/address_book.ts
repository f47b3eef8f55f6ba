/**
 * Who has which address of this node's own ranges, and which is the next one to give. Pure.
 *
 * Of each range it is known below which address nothing is free, so that a range of thousands is not walked through for
 * each of them.
 */
import type { Lease } from "../../core/contracts/ipam.ts";
import type { Address, Millis, Prefix } from "../../core/contracts/values.ts";
import { addressFromBigInt, addressToBigInt, formatAddress, sameAddress } from "../../core/wire/address.ts";
import {
  addressWidth,
  contains,
  containsPrefix,
  firstAddress,
  formatPrefix,
  lastAddress,
} from "../../core/wire/prefix.ts";

export type AddressState =
  /** On its way to disk, or from it. */
  | { readonly kind: "pending" }
  | { readonly kind: "leased"; readonly lease: Lease }
  | { readonly kind: "resting"; readonly address: Address; readonly until: Millis };

export class AddressBook {
  readonly #ranges: readonly Prefix[];
  /** What the network spans: some addresses of it no host may have, whose range they ever lie in. */
  readonly #network: readonly Prefix[];
  readonly #states = new Map<string, AddressState>();
  readonly #byOwner = new Map<string, Set<Lease>>();
  /** By the range: no address below is free, but for those whose rest is over and not noticed yet. */
  readonly #full = new Map<string, bigint>();
  /** In the order in which their rest ends: it is as long for all. */
  readonly #resting: (AddressState & { readonly kind: "resting" })[] = [];

  constructor(ranges: readonly Prefix[], network: readonly Prefix[]) {
    this.#ranges = ranges;
    this.#network = network;
  }

  owns(address: Address): boolean {
    return this.#ranges.some((range) => contains(range, address));
  }

  *leases(): Iterable<Lease> {
    for (const leases of this.#byOwner.values()) yield* leases;
  }

  leasesOf(owner: string): readonly Lease[] {
    return [...this.#byOwner.get(owner) ?? []];
  }

  /** Undefined for an address that is free. */
  stateOf(address: Address, now: Millis): AddressState | undefined {
    this.#expire(now);
    return this.#states.get(formatAddress(address));
  }

  reserve(address: Address): void {
    this.#set(address, { kind: "pending" });
  }

  lease(lease: Lease): void {
    this.#set(lease.address, { kind: "leased", lease });
    this.#byOwner.set(lease.owner, (this.#byOwner.get(lease.owner) ?? new Set()).add(lease));
  }

  /** Takes the lease from its owner; the address stays {@link reserve}d. */
  withdraw(lease: Lease): void {
    const leases = this.#byOwner.get(lease.owner);
    leases?.delete(lease);
    if (leases?.size === 0) this.#byOwner.delete(lease.owner);
    this.reserve(lease.address);
  }

  rest(address: Address, until: Millis): void {
    const state = { kind: "resting", address, until } as const;
    this.#set(address, state);
    this.#resting.push(state);
  }

  clear(address: Address): void {
    this.#states.delete(formatAddress(address));
    const value = addressToBigInt(address);
    for (const range of this.#ranges) {
      const key = formatPrefix(range);
      if (contains(range, address) && value < (this.#full.get(key) ?? value)) this.#full.set(key, value);
    }
  }

  /** The lowest free address of the subnet that lies in a range of this node, in the order of the ranges. */
  lowestFree(subnet: Prefix, now: Millis): Address | undefined {
    this.#expire(now);
    for (const range of this.#ranges) {
      const part = containsPrefix(subnet, range) ? range : containsPrefix(range, subnet) ? subnet : undefined;
      const found = part && this.#lowestIn(part, range, subnet);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #lowestIn(part: Prefix, range: Prefix, subnet: Prefix): Address | undefined {
    const { family } = part.address;
    const key = formatPrefix(range);
    const first = addressToBigInt(firstAddress(part));
    const last = addressToBigInt(lastAddress(part));
    const full = this.#full.get(key) ?? addressToBigInt(range.address);
    // Only a walk that begins where nothing below is free can tell how far that goes.
    let reached = first <= full ? full : undefined;
    for (let value = first > full ? first : full; value <= last; value++) {
      const address = addressFromBigInt(family, value);
      const isBusy = this.#states.has(formatAddress(address)) || this.#isReserved(address);
      if (!isBusy && !isReserved(address, subnet)) {
        if (reached !== undefined) this.#full.set(key, reached);
        return address;
      }
      if (reached === value && isBusy) reached = value + 1n;
    }
    if (reached !== undefined) this.#full.set(key, reached);
    return undefined;
  }

  #isReserved(address: Address): boolean {
    return this.#network.some((range) => isReserved(address, range));
  }

  #set(address: Address, state: AddressState): void {
    this.#states.set(formatAddress(address), state);
  }

  #expire(now: Millis): void {
    let count = 0;
    for (const resting of this.#resting) {
      if (resting.until > now) break;
      count++;
      // It may have been given again meanwhile, to whoever had it before.
      if (this.#states.get(formatAddress(resting.address)) === resting) this.clear(resting.address);
    }
    if (count > 0) this.#resting.splice(0, count);
  }
}

/**
 * Addresses of a subnet that no host may have: of IPv4 the network and the broadcast address (RFC 1122 §3.2.1.3) unless it
 * is a /31 or /32 (RFC 3021); of IPv6 the Subnet-Router anycast address (RFC 4291 §2.6.1) unless it is a /127 (RFC 6164)
 * or /128.
 */
export function isReserved(address: Address, subnet: Prefix): boolean {
  const { family } = subnet.address;
  if (address.family !== family || addressWidth(family) - subnet.bits < 2) return false;
  return sameAddress(address, subnet.address) ||
    (family === 4 && sameAddress(address, lastAddress(subnet)));
}
