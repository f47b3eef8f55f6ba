/**
 * Which of this node's addresses are in use. Pure: time and space are handed in, storing is the caller's.
 *
 * Every address that is not free has a state: leased; pending, while a lease or a release is on its way to disk; or
 * resting after its release, because neighbours still remember who had it.
 */
import type { Lease } from "../../core/contracts/ipam.ts";
import type { Address, Millis, Prefix } from "../../core/contracts/values.ts";
import { addressFromBigInt, addressToBigInt, sameAddress } from "../../core/wire/address.ts";
import { addressWidth, contains } from "../../core/wire/prefix.ts";
import { intersect, sortSpans, type Span, spanOf } from "./span.ts";

type State =
  | { readonly kind: "leased"; readonly lease: Lease }
  | { readonly kind: "pending" }
  | { readonly kind: "resting"; readonly until: Millis };

export class Allocator {
  readonly #states = { 4: new Map<bigint, State>(), 6: new Map<bigint, State>() };
  readonly #byOwner = new Map<string, Set<Lease>>();

  leases(): readonly Lease[] {
    return [...this.#byOwner.values()].flatMap((leases) => [...leases]);
  }

  leasesOf(owner: string): readonly Lease[] {
    return [...this.#byOwner.get(owner) ?? []];
  }

  /** The owner's leases in exactly this subnet, the oldest first. */
  leasesIn(subnet: Prefix, owner: string): readonly Lease[] {
    return this.leasesOf(owner).filter((lease) =>
      lease.bits === subnet.bits && contains(subnet, lease.address)
    );
  }

  /** Undefined for an address that is free. */
  stateOf(address: Address, now: Millis): State | undefined {
    return this.#stateAt(address.family, addressToBigInt(address), now);
  }

  /**
   * The lowest free address of `subnet` inside `space` (ascending), never one that {@link isReserved} in the subnet or
   * in the network's range. It costs one look per address in use below it.
   */
  lowestFree(subnet: Prefix, range: Prefix, space: readonly Span[], now: Millis): Address | undefined {
    const { family } = subnet.address;
    for (const { start, end } of intersect(space, spanOf(subnet))) {
      for (let value = start; value < end; value++) {
        if (this.#stateAt(family, value, now) !== undefined) continue;
        const address = addressFromBigInt(family, value);
        if (!isReserved(address, subnet) && !isReserved(address, range)) return address;
      }
    }
    return undefined;
  }

  /** What is not free, one span per address, ascending. */
  busy(family: 4 | 6, now: Millis): readonly Span[] {
    const values = [...this.#states[family].keys()];
    return sortSpans(
      values.filter((value) => this.#stateAt(family, value, now) !== undefined)
        .map((value) => ({ start: value, end: value + 1n })),
    );
  }

  /** Nobody else gets it, and it is not given away, until it is leased, set to rest or cleared. */
  reserve(address: Address): void {
    this.#set(address, { kind: "pending" });
  }

  lease(lease: Lease): void {
    this.#set(lease.address, { kind: "leased", lease });
    const leases = this.#byOwner.get(lease.owner) ?? new Set<Lease>();
    this.#byOwner.set(lease.owner, leases.add(lease));
  }

  /** Takes the lease from its owner; the address stays {@link reserve}d. */
  withdraw(lease: Lease): void {
    const leases = this.#byOwner.get(lease.owner);
    leases?.delete(lease);
    if (leases?.size === 0) this.#byOwner.delete(lease.owner);
    this.reserve(lease.address);
  }

  rest(address: Address, until: Millis): void {
    this.#set(address, { kind: "resting", until });
  }

  clear(address: Address): void {
    this.#states[address.family].delete(addressToBigInt(address));
  }

  /** Forgets addresses whose rest is over, and names them. */
  wake(now: Millis): readonly Address[] {
    return ([4, 6] as const).flatMap((family) => {
      const over = [...this.#states[family]].filter(([, state]) =>
        state.kind === "resting" && state.until <= now
      );
      for (const [value] of over) this.#states[family].delete(value);
      return over.map(([value]) => addressFromBigInt(family, value));
    });
  }

  #stateAt(family: 4 | 6, value: bigint, now: Millis): State | undefined {
    const state = this.#states[family].get(value);
    return state?.kind === "resting" && state.until <= now ? undefined : state;
  }

  #set(address: Address, state: State): void {
    this.#states[address.family].set(addressToBigInt(address), state);
  }
}

/**
 * Addresses of a subnet that no host may have: of IPv4 the network and the broadcast address (RFC 1122 §3.2.1.3) unless
 * it is a /31 or /32 (RFC 3021); of IPv6 the Subnet-Router anycast address (RFC 4291 §2.6.1) unless it is a /127
 * (RFC 6164) or /128.
 */
export function isReserved(address: Address, subnet: Prefix): boolean {
  if (addressWidth(subnet.address.family) - subnet.bits < 2) return false;
  if (sameAddress(address, subnet.address)) return true;
  return address.family === 4 && addressToBigInt(address) === spanOf(subnet).end - 1n;
}

/** The addresses of {@link isReserved} as spans, ascending. */
export function reservedSpans(range: Prefix): readonly Span[] {
  const { start, end } = spanOf(range);
  const ends = [start, end - 1n].map((value) => ({ start: value, end: value + 1n }));
  return ends.filter((span) => isReserved(addressFromBigInt(range.address.family, span.start), range));
}
