/**
 * Which of this node's addresses are in use. Pure: time and space are handed in, storing is the caller's.
 *
 * Every address that is not free has a state: leased; pending, while a lease or a release is on its way to disk; or
 * resting after its release, because neighbours still remember who had it. Beside the states stand the runs of addresses
 * in use, so that the next free one is found without a look at each of those before it. Time must not go back.
 */
import type { Lease } from "../../core/contracts/ipam.ts";
import type { Address, Millis, Prefix } from "../../core/contracts/values.ts";
import { addressFromBigInt, addressToBigInt, sameAddress } from "../../core/wire/address.ts";
import { addressWidth, contains } from "../../core/wire/prefix.ts";
import { RestQueue } from "./resting.ts";
import { Runs } from "./runs.ts";
import { intersect, type Span, spanOf } from "./span.ts";

type Family = 4 | 6;

interface Resting {
  readonly kind: "resting";
  readonly family: Family;
  readonly value: bigint;
  readonly until: Millis;
}

export type State =
  | { readonly kind: "leased"; readonly lease: Lease }
  | { readonly kind: "pending" }
  | Resting;

export class Allocator {
  readonly #states = { 4: new Map<bigint, State>(), 6: new Map<bigint, State>() };
  /** What has a state, but for those whose rest is known to be over. */
  readonly #busy = { 4: new Runs(), 6: new Runs() };
  readonly #resting = new RestQueue<Resting>();
  /** Their rest is over, and {@link wake} has not named them yet. */
  #rested: Resting[] = [];
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
    const state = this.#states[address.family].get(addressToBigInt(address));
    return state?.kind === "resting" && state.until <= now ? undefined : state;
  }

  /**
   * The lowest free address of `subnet` inside `space` (ascending), never one that {@link isReserved} in the subnet or
   * in the network's range.
   */
  lowestFree(subnet: Prefix, range: Prefix, space: readonly Span[], now: Millis): Address | undefined {
    const { family } = subnet.address;
    this.#expire(now);
    const busy = this.#busy[family];
    for (const { start, end } of intersect(space, spanOf(subnet))) {
      for (let value = busy.firstOutside(start); value < end; value = busy.firstOutside(value + 1n)) {
        const address = addressFromBigInt(family, value);
        if (!isReserved(address, subnet) && !isReserved(address, range)) return address;
      }
    }
    return undefined;
  }

  /** What is not free, ascending; not to be kept over a change. */
  busy(family: Family, now: Millis): readonly Span[] {
    this.#expire(now);
    return this.#busy[family].spans();
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
    const { family } = address;
    const resting: Resting = { kind: "resting", family, value: addressToBigInt(address), until };
    this.#set(address, resting);
    this.#resting.add(resting);
  }

  clear(address: Address): void {
    const value = addressToBigInt(address);
    this.#states[address.family].delete(value);
    this.#busy[address.family].delete(value);
  }

  /** Forgets addresses whose rest is over, and names them. */
  wake(now: Millis): readonly Address[] {
    this.#expire(now);
    const over = this.#rested.filter((resting) => this.#isCurrent(resting));
    this.#rested = [];
    for (const { family, value } of over) this.#states[family].delete(value);
    return over.map(({ family, value }) => addressFromBigInt(family, value));
  }

  #expire(now: Millis): void {
    for (let over = this.#resting.take(now); over !== undefined; over = this.#resting.take(now)) {
      if (!this.#isCurrent(over)) continue;
      this.#busy[over.family].delete(over.value);
      this.#rested.push(over);
    }
  }

  /** Whether the address has had no other state since. */
  #isCurrent(resting: Resting): boolean {
    return this.#states[resting.family].get(resting.value) === resting;
  }

  #set(address: Address, state: State): void {
    const value = addressToBigInt(address);
    this.#states[address.family].set(value, state);
    this.#busy[address.family].add(value);
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
