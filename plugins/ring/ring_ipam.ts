/**
 * Addresses for this node's endpoints, out of the space that the ring gives it. Everything that is promised is on disk
 * before the promise resolves.
 */
import { MeshError } from "../../core/contracts/errors.ts";
import type {
  AddressMoves,
  AllocationRequest,
  DefaultSubnets,
  Ipam,
  IpamReport,
  Lease,
  LeaseTransfer,
  RangeShare,
  SpaceTakeover,
  Takeover,
} from "../../core/contracts/ipam.ts";
import type { Lifecycle } from "../../core/contracts/lifecycle.ts";
import type { Address, Millis, PeerId, Prefix } from "../../core/contracts/values.ts";
import { formatAddress, sameAddress } from "../../core/wire/address.ts";
import {
  addressWidth,
  containsPrefix,
  formatPrefix,
  hostPrefix,
  samePrefix,
} from "../../core/wire/prefix.ts";
import { Allocator, isReserved, reservedSpans } from "./allocator.ts";
import { Conflicts } from "./conflicts.ts";
import { defaultsIn } from "./default_subnets.ts";
import { chooseBlock, type DonationLimits } from "./donation.ts";
import { FreshSpace } from "./fresh_space.ts";
import { exhausted, requireOwner, taken, timeout, whyTaken } from "./lease_errors.ts";
import { moveAddress } from "./moving.ts";
import { PendingLeases } from "./pending_leases.ts";
import { Replica } from "./replica.ts";
import type { RingHost } from "./ring_host.ts";
import { sharesOf } from "./report.ts";
import { SpacePassing } from "./space_passing.ts";
import { sortSpans, type Span, spanOf, subtract, totalSize } from "./span.ts";
import { putLease, removeLease, removeRest, type StoredRing } from "./storage.ts";
import { type Waiter, Waiting } from "./waiting.ts";

export interface RingOptions extends DonationLimits {
  /** IPv4; for a node that founds a network. */
  readonly range: Prefix;
  /** How long a released address rests. */
  readonly quarantine: Millis;
  /** Where addresses come from when nobody asks for a subnet, one per family at most; else the ranges. */
  readonly defaultSubnets?: readonly Prefix[];
}

export class RingIpam
  implements Ipam, IpamReport, LeaseTransfer, SpaceTakeover, AddressMoves, DefaultSubnets, Lifecycle {
  readonly routes: Replica;
  readonly #host: RingHost;
  readonly #options: RingOptions;
  readonly #allocator = new Allocator();
  readonly #waiting = new Waiting();
  readonly #pending = new PendingLeases();
  /** Blocks whose grant is on its way to disk. */
  readonly #donating = new Set<Prefix>();
  readonly #conflicts: Conflicts;
  readonly #fresh: FreshSpace;
  readonly #passing: SpacePassing;
  #wanted: readonly Prefix[] = [];
  #isDisposed = false;

  constructor(options: RingOptions, host: RingHost) {
    this.#options = options;
    this.#host = host;
    this.#conflicts = new Conflicts(host.events, host.self.id);
    this.routes = new Replica(host, {
      opened: (stored) => this.#restore(stored),
      donate: (within, to) => this.#donate(within, to),
      donated: (block) => this.#donating.delete(block),
      changed: () => this.#spaceChanged(),
      refused: (within, by) => this.#refused(within, by),
      tick: (now) => this.#tick(now),
    });
    this.#fresh = new FreshSpace(this.routes, options.quarantine);
    this.#passing = new SpacePassing({
      host,
      routes: this.routes,
      isGiving: () => this.#donating.size > 0,
      changed: () => this.#spaceChanged(),
    });
  }

  /** Rejects `CONFIG_INVALID` for a default subnet outside the network's ranges. */
  // deno-lint-ignore require-await -- the contract is asynchronous; nothing here has to be waited for
  async start(signal: AbortSignal): Promise<void> {
    this.defaultSubnets();
    this.routes.start(signal);
  }

  // deno-lint-ignore require-await -- as above
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    this.#passing.stop();
    this.routes.stop();
    this.#waiting.failAll(
      new MeshError("NOT_RUNNING", "Cannot wait for addresses any longer: the node is stopping"),
    );
  }

  /** The network's; before there is one, the range of the configuration, with which this node would found it. */
  ranges(): readonly Prefix[] {
    return this.#host.membership.network()?.ranges ?? [this.#options.range];
  }

  defaultSubnets(): readonly Prefix[] {
    return defaultsIn(this.ranges(), this.#options.defaultSubnets ?? []);
  }

  leases(): Iterable<Lease> {
    return this.#allocator.leases();
  }

  report(): readonly RangeShare[] {
    const { ring } = this.routes;
    return ring === undefined ? [] : sharesOf(ring);
  }

  /** Rejects `TIMEOUT` when the signal aborts, `INVALID_ARGUMENT` for a subnet outside the network's ranges. */
  allocate({ owner, subnet }: AllocationRequest, signal: AbortSignal): Promise<Lease> {
    return this.#untilLeased(subnet, signal, () => this.#tryAllocate(owner, subnet));
  }

  async claim(owner: string, address: Address, signal: AbortSignal): Promise<Lease> {
    return await this.#untilLeased(hostPrefix(address), signal, () => this.#tryClaim(owner, address));
  }

  async move(address: Address, to: PeerId): Promise<void> {
    await moveAddress(address, to, {
      host: this.#host,
      routes: this.routes,
      state: this.#allocator.stateOf(address, this.#host.clock.now()),
      donating: this.#donating,
      isClosed: this.#isClosed,
      ranges: this.ranges(),
    });
  }

  async release(owner: string, address?: Address): Promise<number> {
    const isMeant = (lease: Lease) => address === undefined || sameAddress(lease.address, address);
    const pending = this.#pending.of(owner).filter(({ lease }) => isMeant(lease));
    await Promise.allSettled(pending.map(({ done }) => done));
    const leases = this.#allocator.leasesOf(owner).filter(isMeant);
    if (leases.length === 0) return 0;
    for (const lease of leases) this.#allocator.withdraw(lease);
    try {
      await this.#host.store.commit(leases.flatMap(removeLease));
    } catch (error) {
      for (const lease of leases) this.#allocator.lease(lease);
      throw error;
    }
    const until = this.#host.clock.now() + this.#options.quarantine;
    for (const lease of leases) {
      this.#allocator.rest(lease.address, until);
      this.#host.events.emit("lease:changed", { lease, state: "released" });
    }
    if (this.#conflicts.any) this.#spaceChanged();
    return leases.length;
  }

  async transfer(lease: Lease, owner: string): Promise<Lease> {
    requireOwner(owner);
    const held = this.#allocator.leasesOf(lease.owner).find((each) =>
      sameAddress(each.address, lease.address)
    );
    if (held === undefined) {
      const address = formatAddress(lease.address);
      throw new MeshError("NOT_FOUND", `Cannot hand over ${address}: "${lease.owner}" does not have it`);
    }
    const next = { ...held, owner };
    this.#allocator.withdraw(held);
    try {
      await this.#host.store.commit(putLease(next));
    } catch (error) {
      this.#allocator.lease(held);
      throw error;
    }
    this.#allocator.lease(next);
    this.#host.events.emit("lease:changed", { lease: next, state: "allocated" });
    return next;
  }

  takeOver(peer: PeerId, signal: AbortSignal): Promise<Takeover> {
    return this.#passing.takeOver(peer, signal);
  }

  handOver(heir: PeerId, signal: AbortSignal): Promise<Takeover> {
    return this.#passing.handOver(heir, signal);
  }

  /** Tries, and tries again whenever space has come; meanwhile peers are asked for space inside `within`. */
  async #untilLeased(
    within: Prefix,
    signal: AbortSignal,
    attempt: () => Promise<Lease> | undefined,
  ): Promise<Lease> {
    let waiter: Waiter | undefined;
    try {
      for (;;) {
        this.#requireLife(within, signal);
        const lease = await attempt();
        if (lease !== undefined) return lease;
        // Joined once: leaving and joining again at every change would ask all peers anew each time.
        waiter ??= this.#waiting.join(within, () => this.#updateWants());
        this.#updateWants();
        await waiter.next(signal, (reason) => timeout(within, reason));
      }
    } finally {
      waiter?.[Symbol.dispose]();
    }
  }

  #requireLife(within: Prefix, signal: AbortSignal): void {
    if (this.#isDisposed) {
      throw new MeshError("NOT_RUNNING", "Cannot give addresses: the node is stopping");
    }
    if (signal.aborted) throw timeout(within, signal.reason);
    if (!this.#passing.isLeaving) return;
    throw new MeshError("NOT_RUNNING", "Cannot give addresses: this node leaves its space to another");
  }

  /** Undefined: no space now. Throws what can never succeed. */
  #tryAllocate(owner: string, subnet: Prefix): Promise<Lease> | undefined {
    requireOwner(owner);
    const { ring } = this.routes;
    if (ring === undefined) return undefined;
    const range = this.#rangeOf(subnet);
    // A lease whose range went to somebody else is a conflict that has been told; its owner needs an address that works.
    const held = this.#allocator.leasesIn(subnet, owner)
      .find(({ address }) => ring.ownerOf(address) === this.routes.self);
    if (held !== undefined) return Promise.resolve(held);
    const pending = this.#pendingOf(owner, subnet);
    if (pending !== undefined) return pending;
    const address = this.#allocator.lowestFree(subnet, range, this.#space(subnet), this.#host.clock.now());
    if (address !== undefined) return this.#lease({ owner, address, bits: subnet.bits });
    const others = [...ring.ownersWithin(subnet)].filter((peer) => peer !== this.routes.self);
    if (others.length === 0 && !this.#isClosed) throw exhausted(subnet);
    return undefined;
  }

  #pendingOf(owner: string, subnet: Prefix): Promise<Lease> | undefined {
    return this.#pending.of(owner).find(({ lease }) =>
      lease.bits === subnet.bits && containsPrefix(subnet, hostPrefix(lease.address))
    )?.done;
  }

  #tryClaim(owner: string, address: Address): Promise<Lease> | undefined {
    requireOwner(owner);
    const { ring } = this.routes;
    if (ring === undefined) return undefined;
    const range = this.#rangeOf(hostPrefix(address));
    const text = formatAddress(address);
    if (isReserved(address, range)) {
      throw new MeshError(
        "INVALID_ARGUMENT",
        `Cannot claim ${text}: no host may have it; choose another address`,
      );
    }
    const keeper = ring.ownerOf(address)!;
    if (keeper === this.routes.self) return this.#claimOwn(owner, address, range);
    if (this.routes.peers().includes(keeper)) return undefined;
    throw new MeshError(
      "UNREACHABLE",
      `Cannot claim ${text}: it lies in the range of peer ${keeper}, ` +
        "which is not connected; try again when it is",
      { details: { peer: keeper } },
    );
  }

  #claimOwn(owner: string, address: Address, range: Prefix): Promise<Lease> | undefined {
    const now = this.#host.clock.now();
    const pending = this.#pending.at(address);
    if (pending?.lease.owner === owner) return pending.done;
    const state = this.#allocator.stateOf(address, now);
    if (state?.kind === "leased" && state.lease.owner === owner) return Promise.resolve(state.lease);
    const isIn = (block: Prefix) => containsPrefix(block, hostPrefix(address));
    const isFresh = this.#fresh.blocks().some(isIn);
    if (state !== undefined || isFresh || [...this.#donating].some(isIn)) {
      throw taken(address, whyTaken(state, isFresh, now));
    }
    return this.#isClosed ? undefined : this.#lease({ owner, address, bits: range.bits });
  }

  /** Resolves when the lease is on disk. */
  #lease(lease: Lease): Promise<Lease> {
    this.#allocator.reserve(lease.address);
    const done = this.#commitLease(lease);
    this.#pending.add({ lease, done });
    return done;
  }

  async #commitLease(lease: Lease): Promise<Lease> {
    try {
      await this.#host.store.commit([...this.routes.unsaved(), ...putLease(lease)]);
    } catch (error) {
      this.#allocator.clear(lease.address);
      throw error;
    } finally {
      this.#pending.delete(lease);
    }
    this.#allocator.lease(lease);
    this.#host.events.emit("lease:changed", { lease, state: "allocated" });
    return lease;
  }

  /** Nothing is given, not even by others: it would be given again and again. */
  get #isClosed(): boolean {
    return this.#passing.isLeaving || this.routes.isDoubtful;
  }

  #rangeOf(within: Prefix): Prefix {
    const range = this.ranges().find((each) => containsPrefix(each, within));
    if (range !== undefined) return range;
    const ranges = this.ranges().map(formatPrefix).join(" and ");
    throw new MeshError(
      "INVALID_ARGUMENT",
      `Cannot give addresses of ${formatPrefix(within)}: the network has ${ranges}`,
    );
  }

  /** What this node may give inside `within`: its own without what is being given away, and what rests for `to`. */
  #space(within: Prefix, to?: PeerId): readonly Span[] {
    if (this.#isClosed) return [];
    const { family } = within.address;
    const going = [...this.#donating, ...this.#fresh.blocks(to)]
      .filter((block) => block.address.family === family);
    const own = this.routes.ring?.spaceOf(this.routes.self, within) ?? [];
    return subtract(own, sortSpans(going.map(spanOf)));
  }

  #donate(within: Prefix, to: PeerId): Prefix | undefined {
    const range = this.ranges().find((each) => containsPrefix(each, within));
    if (range === undefined) return undefined;
    const busy = this.#allocator.busy(within.address.family, this.#host.clock.now());
    const isHost = within.bits === addressWidth(within.address.family);
    const space = this.#space(within, isHost ? to : undefined);
    const free = subtract(space, sortSpans([...busy, ...reservedSpans(range)]));
    const block = chooseBlock(free, within, this.#options, (whole) => this.routes.ring!.isGiven(whole));
    if (block !== undefined) this.#donating.add(block);
    return block;
  }

  #restore({ leases, resting }: StoredRing): void {
    // A full rest for all: how long they had rested when this node stopped is not known, and clocks jump.
    const until = this.#host.clock.now() + this.#options.quarantine;
    for (const address of resting) this.#allocator.rest(address, until);
    for (const lease of leases) this.#allocator.lease(lease);
  }

  #spaceChanged(): void {
    this.#fresh.note(this.#host.clock.now());
    this.#conflicts.check(this.#passing.isLeaving ? [] : this.#allocator.leases(), this.routes.ring);
    this.#updateWants();
    this.#waiting.wakeAll();
  }

  /** Wanted is what callers wait for, and a first block of every family of which this node owns nothing. */
  #updateWants(): void {
    const { ring, self } = this.routes;
    if (ring === undefined) return;
    const empty = this.ranges().filter((range) => totalSize(ring.spaceOf(self, range)) === 0n);
    const wanted = this.#isClosed ? [] : [...this.#waiting.prefixes(), ...empty, ...this.#conflicts.wanted()];
    const before = this.#wanted;
    this.#wanted = wanted;
    for (const old of before) {
      if (!wanted.some((prefix) => samePrefix(prefix, old))) this.routes.unwant(old);
    }
    for (const prefix of wanted) this.routes.want(prefix);
  }

  /** The end of the waiting, once all have refused that can have anything: owners, and peers we may not know as such. */
  #refused(within: Prefix, by: ReadonlySet<PeerId>): void {
    const { ring, self } = this.routes;
    const isHost = samePrefix(within, hostPrefix(within.address));
    const owners = [...ring!.ownersWithin(within)].filter((peer) => peer !== self);
    const askable = isHost ? owners : [...owners, ...this.routes.peers()];
    if (!askable.every((peer) => by.has(peer))) return;
    const error = isHost ? taken(within.address, "the owner of its range says so") : exhausted(within);
    this.#waiting.fail(within, error);
  }

  #tick(now: Millis): void {
    this.#fresh.tick(now);
    const rested = this.#allocator.wake(now).map(removeRest);
    if (rested.length > 0) {
      this.#host.store.commit(rested).catch((error: unknown) => {
        // They rest once more after the next start, which harms nobody.
        this.#host.log.log("debug", "The end of a rest cannot be stored", { error });
      });
    }
    this.#waiting.wakeAll();
  }
}
