/**
 * Addresses out of ranges that the operator has given each node, and the routes that follow from the same table. Nothing is
 * negotiated: who has which range changes with the configuration only.
 */
import { MeshError } from "../../core/contracts/errors.ts";
import type { Host } from "../../core/contracts/host.ts";
import type {
  AllocationRequest,
  Ipam,
  IpamReport,
  Lease,
  LeaseTransfer,
  RangeShare,
  RouteSource,
} from "../../core/contracts/ipam.ts";
import type { Lifecycle } from "../../core/contracts/lifecycle.ts";
import type { Address, Millis, Prefix } from "../../core/contracts/values.ts";
import { formatAddress, sameAddress } from "../../core/wire/address.ts";
import { contains, containsPrefix, formatPrefix, hostPrefix } from "../../core/wire/prefix.ts";
import { AddressBook, isReserved } from "./address_book.ts";
import { plannedRanges, type RangeTable } from "./plan.ts";
import { NodeRoutes } from "./node_routes.ts";
import { maxOwnerLength, putLease, readStored, removeLease } from "./storage.ts";

/** The part of {@link Host} that the plugin uses. */
export type StaticRangeHost = Pick<
  Host,
  "self" | "clock" | "log" | "events" | "membership" | "members" | "store"
>;

export interface StaticRangeOptions {
  /** IPv4; for a node that founds a network. */
  readonly range: Prefix;
  readonly table: RangeTable;
  /** How long a released address rests. */
  readonly quarantine: Millis;
}

interface PendingLease {
  readonly lease: Lease;
  readonly done: Promise<Lease>;
}

const asideAlert = "leases-aside";

export class StaticRangeIpam implements Ipam, IpamReport, LeaseTransfer, Lifecycle {
  readonly routes: RouteSource;
  readonly #routes: NodeRoutes;
  readonly #options: StaticRangeOptions;
  readonly #host: StaticRangeHost;
  /** Leases on their way to disk, by address. */
  readonly #pending = new Map<string, PendingLease>();
  /** Undefined before the start and after the end. */
  #book: AddressBook | undefined;

  constructor(options: StaticRangeOptions, host: StaticRangeHost) {
    this.#options = options;
    this.#host = host;
    this.#routes = new NodeRoutes(options.table, host);
    this.routes = this.#routes;
  }

  /**
   * Rejects `CONFIG_INVALID` when the table has nothing for this node, or ranges outside the network's; `UNSUPPORTED` for what
   * a newer version has stored.
   */
  async start(): Promise<void> {
    const { membership, members, self, store, clock, log } = this.#host;
    const facts = membership.network();
    if (facts === undefined) throw new MeshError("NOT_RUNNING", "Cannot give addresses without a network");
    const own = this.#routes.require();
    members.watch(() => this.#routes.refresh());
    const stored = readStored(store, facts.id);
    for (const path of stored.unreadable) log.log("error", "A stored lease cannot be read", { path });
    if (stored.first.length > 0) await store.commit(stored.first);
    const book = new AddressBook(own.map(({ prefix }) => prefix), facts.ranges);
    // A full rest for all: how long they had rested when this node stopped is not known, and clocks jump.
    const until = clock.now() + this.#options.quarantine;
    for (const address of stored.resting) if (book.owns(address)) book.rest(address, until);
    for (const lease of stored.leases) if (book.owns(lease.address)) book.lease(lease);
    this.#tellAside(stored.leases.filter(({ address }) => !book.owns(address)));
    log.log("info", "Ranges of this node", {
      peer: self.id,
      prefix: own.map(({ prefix }) => formatPrefix(prefix)),
    });
    this.#book = book;
  }

  // deno-lint-ignore require-await -- the contract is asynchronous; nothing here has to be waited for
  async [Symbol.asyncDispose](): Promise<void> {
    this.#book = undefined;
  }

  /**
   * The network's, of the families that the table has anything of; before there is a network, the range of the
   * configuration, with which this node would found it.
   */
  ranges(): readonly Prefix[] {
    const ranges = this.#host.membership.network()?.ranges ?? [this.#options.range];
    const planned = plannedRanges(this.#options.table);
    return ranges.filter(({ address: { family } }) =>
      planned.some(({ prefix }) => prefix.address.family === family)
    );
  }

  leases(): Iterable<Lease> {
    return this.#book?.leases() ?? [];
  }

  report(): readonly RangeShare[] {
    return this.#routes.report(this.ranges());
  }

  /** Rejects `POOL_EXHAUSTED` at once: no other node has anything to give. */
  // deno-lint-ignore require-await -- what throws is to reject
  async allocate({ owner, subnet }: AllocationRequest, signal: AbortSignal): Promise<Lease> {
    const book = this.#require(owner, subnet, signal);
    const isMeant = (lease: Lease) => lease.bits === subnet.bits && contains(subnet, lease.address);
    const held = book.leasesOf(owner).find(isMeant);
    if (held !== undefined) return held;
    const pending = this.#pendingOf(owner).find(({ lease }) => isMeant(lease));
    if (pending !== undefined) return pending.done;
    const address = book.lowestFree(subnet, this.#host.clock.now());
    if (address !== undefined) return this.#lease(book, { owner, address, bits: subnet.bits });
    throw new MeshError(
      "POOL_EXHAUSTED",
      `Cannot give an address of ${formatPrefix(subnet)}: this node has none free in it; ` +
        "release some, or give the node another range (ipam.ranges)",
    );
  }

  /** Rejects `UNREACHABLE` for an address of another node's range, which only that node gives. */
  // deno-lint-ignore require-await -- as above
  async claim(owner: string, address: Address, signal: AbortSignal): Promise<Lease> {
    const book = this.#require(owner, hostPrefix(address), signal);
    const range = this.#rangeOf(hostPrefix(address))!;
    const text = formatAddress(address);
    if (isReserved(address, range)) {
      throw new MeshError(
        "INVALID_ARGUMENT",
        `Cannot claim ${text}: no host may have it; choose another address`,
      );
    }
    if (!book.owns(address)) throw this.#foreign(address);
    const now = this.#host.clock.now();
    const pending = this.#pending.get(text);
    if (pending?.lease.owner === owner) return pending.done;
    const state = book.stateOf(address, now);
    if (state?.kind === "leased" && state.lease.owner === owner) return state.lease;
    if (state === undefined) return this.#lease(book, { owner, address, bits: range.bits });
    const why = state.kind === "resting"
      ? `it was released just now and rests for ${Math.ceil((state.until - now) / 1000)} s more`
      : "somebody else has it";
    throw new MeshError("ADDRESS_TAKEN", `Cannot claim ${text}: ${why}; choose another address`);
  }

  async release(owner: string, address?: Address): Promise<number> {
    const isMeant = (lease: Lease) => address === undefined || sameAddress(lease.address, address);
    const pending = this.#pendingOf(owner).filter(({ lease }) => isMeant(lease));
    await Promise.allSettled(pending.map(({ done }) => done));
    const book = this.#book;
    const leases = book?.leasesOf(owner).filter(isMeant) ?? [];
    if (book === undefined || leases.length === 0) return 0;
    for (const lease of leases) book.withdraw(lease);
    try {
      await this.#host.store.commit(leases.flatMap(removeLease));
    } catch (error) {
      for (const lease of leases) book.lease(lease);
      throw error;
    }
    const until = this.#host.clock.now() + this.#options.quarantine;
    for (const lease of leases) {
      book.rest(lease.address, until);
      this.#host.events.emit("lease:changed", { lease, state: "released" });
    }
    return leases.length;
  }

  async transfer(lease: Lease, owner: string): Promise<Lease> {
    requireOwner(owner);
    const book = this.#book;
    const held = book?.leasesOf(lease.owner).find((each) => sameAddress(each.address, lease.address));
    if (book === undefined || held === undefined) {
      const text = formatAddress(lease.address);
      throw new MeshError("NOT_FOUND", `Cannot hand over ${text}: "${lease.owner}" does not have it`);
    }
    const next = { ...held, owner };
    book.withdraw(held);
    try {
      await this.#host.store.commit(putLease(next));
    } catch (error) {
      book.lease(held);
      throw error;
    }
    book.lease(next);
    this.#host.events.emit("lease:changed", { lease: next, state: "allocated" });
    return next;
  }

  /** What every call that gives an address checks. */
  #require(owner: string, within: Prefix, signal: AbortSignal): AddressBook {
    const book = this.#book;
    if (book === undefined) throw new MeshError("NOT_RUNNING", "Cannot give addresses: the node is stopping");
    if (signal.aborted) {
      const message = `Cannot give an address of ${formatPrefix(within)}: nobody waits for it any more`;
      throw new MeshError("TIMEOUT", message, { cause: signal.reason });
    }
    requireOwner(owner);
    // Another member may turn out to have had this node's name first; then its are the ranges, everywhere.
    if (this.#rangeOf(within) !== undefined) {
      this.#routes.require();
      return book;
    }
    const ranges = this.ranges().map(formatPrefix).join(" and ");
    const message = `Cannot give addresses of ${formatPrefix(within)}: the network has ${ranges}`;
    throw new MeshError("INVALID_ARGUMENT", message);
  }

  #rangeOf(within: Prefix): Prefix | undefined {
    return this.ranges().find((each) => containsPrefix(each, within));
  }

  #foreign(address: Address): MeshError {
    const text = formatAddress(address);
    const range = this.#routes.rangeOf(address);
    const message = range === undefined
      ? `Cannot claim ${text}: no node has a range with it; see ipam.ranges`
      : `Cannot claim ${text}: it lies in ${formatPrefix(range.prefix)} of ${range.node}; claim it there`;
    return new MeshError("UNREACHABLE", message);
  }

  #pendingOf(owner: string): readonly PendingLease[] {
    return [...this.#pending.values()].filter(({ lease }) => lease.owner === owner);
  }

  /** Resolves when the lease is on disk. */
  #lease(book: AddressBook, lease: Lease): Promise<Lease> {
    book.reserve(lease.address);
    const done = this.#commit(book, lease);
    this.#pending.set(formatAddress(lease.address), { lease, done });
    return done;
  }

  async #commit(book: AddressBook, lease: Lease): Promise<Lease> {
    try {
      await this.#host.store.commit(putLease(lease));
    } catch (error) {
      book.clear(lease.address);
      throw error;
    } finally {
      this.#pending.delete(formatAddress(lease.address));
    }
    book.lease(lease);
    this.#host.events.emit("lease:changed", { lease, state: "allocated" });
    return lease;
  }

  /** They stay on disk, and are this node's again when the table says so again. */
  #tellAside(leases: readonly Lease[]): void {
    if (leases.length === 0) return;
    const some = leases.slice(0, 3).map(({ address, owner }) => `${formatAddress(address)} of ${owner}`);
    const detail = `${leases.length} addresses given before lie in no range of this node any more ` +
      `(${some.join(", ")}${leases.length > 3 ? ", …" : ""}); they are kept aside, see ipam.ranges`;
    this.#host.log.log("warn", "Addresses given before lie in no range of this node any more", {
      what: leases.length,
    });
    this.#host.events.emit("alert:raised", { alert: asideAlert, detail });
  }
}

function requireOwner(owner: string): void {
  if (owner.length >= 1 && owner.length <= maxOwnerLength && owner.isWellFormed()) return;
  throw new MeshError(
    "INVALID_ARGUMENT",
    `Cannot give an address to "${
      owner.slice(0, 64)
    }": an owner's name has 1 to ${maxOwnerLength} characters`,
  );
}
