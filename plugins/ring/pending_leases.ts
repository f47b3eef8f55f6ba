/** Leases on their way to disk, found by their owner and by their address. */
import type { Lease } from "../../core/contracts/ipam.ts";
import type { Address } from "../../core/contracts/values.ts";
import { formatAddress } from "../../core/wire/address.ts";

export interface PendingLease {
  readonly lease: Lease;
  /** Settles when the lease is on disk, or cannot be. */
  readonly done: Promise<Lease>;
}

export class PendingLeases {
  readonly #byOwner = new Map<string, Set<PendingLease>>();
  readonly #byAddress = new Map<string, PendingLease>();

  add(pending: PendingLease): void {
    const { owner, address } = pending.lease;
    this.#byOwner.set(owner, (this.#byOwner.get(owner) ?? new Set()).add(pending));
    this.#byAddress.set(formatAddress(address), pending);
  }

  delete({ owner, address }: Lease): void {
    const key = formatAddress(address);
    const pending = this.#byAddress.get(key);
    if (pending === undefined) return;
    this.#byAddress.delete(key);
    const own = this.#byOwner.get(owner);
    own?.delete(pending);
    if (own?.size === 0) this.#byOwner.delete(owner);
  }

  /** In the order of their asking. */
  of(owner: string): readonly PendingLease[] {
    return [...this.#byOwner.get(owner) ?? []];
  }

  at(address: Address): PendingLease | undefined {
    return this.#byAddress.get(formatAddress(address));
  }
}
