/**
 * An ipam of one's own: the operator plans by hand which node owns which range, and nothing is ever negotiated.
 *
 *     ipam:
 *       use: ./fixed_ranges.ts
 *       owners: { web-1: ["10.32.0.0/24"], web-2: ["10.32.1.0/24"] }
 *
 * Every node must have the same table. What the plugin keeps: `fixed_ranges/lease/<address>` with the owner's name, and
 * `fixed_ranges/rest/<address>`, empty, for an address that was released and is not to be given again yet.
 */
import {
  type Address,
  addressFromBigInt,
  addressToBigInt,
  type AllocationRequest,
  contains,
  containsPrefix,
  definePlugin,
  formatAddress,
  formatPrefix,
  type Host,
  type Ipam,
  lastAddress,
  type Lease,
  type Lifecycle,
  MeshError,
  overlaps,
  parseAddress,
  parsePrefix,
  type PeerId,
  type Prefix,
  type Route,
  type RouteSource,
  sameAddress,
  type StoreChange,
} from "selvage";
import { z } from "zod";

/** How long a released address rests, so that no neighbour sends to its old holder what is meant for the new one. */
const restMillis = 60_000;
const maxOwner = 255;
const leaseKey = "fixed_ranges/lease/";
const restKey = "fixed_ranges/rest/";

type IpamHost = Pick<Host, "self" | "clock" | "events" | "membership" | "store">;
type Owners = Readonly<Record<string, readonly Prefix[]>>;

export class FixedRanges implements Ipam, Lifecycle {
  /** The table is the same on every node, so there is nothing to tell in a handshake, and nothing to learn. */
  readonly routes: RouteSource = {
    routes: () => this.#routes(),
    version: () => this.#version,
    credentials: () => new Uint8Array(),
    learn: () => false,
  };
  readonly #owners: Owners;
  readonly #host: IpamHost;
  readonly #peers = new Map<string, PeerId>();
  readonly #leases = new Map<string, Lease>();
  /** Address → when it may be given again, on the monotonic clock. */
  readonly #resting = new Map<string, number>();
  /** Leases on their way to disk. */
  readonly #pending = new Map<string, Promise<Lease>>();
  readonly #taking = new Set<string>();
  #version = 1;
  #isRunning = false;

  constructor(owners: Owners, host: IpamHost) {
    this.#owners = owners;
    this.#host = host;
    this.#peers.set(host.self.name, host.self.id);
  }

  // deno-lint-ignore require-await -- the contract is asynchronous; the store reads from memory
  async start(signal: AbortSignal): Promise<void> {
    const { store, events, clock } = this.#host;
    for (const [key, value] of store.entries(leaseKey)) {
      const { owner, bits } = JSON.parse(new TextDecoder().decode(value)) as { owner: string; bits: number };
      const address = parseAddress(key.slice(leaseKey.length))!;
      this.#leases.set(formatAddress(address), { owner, address, bits });
    }
    // A whole rest for each: how long it had rested before is not known.
    for (const [key] of store.entries(restKey)) {
      this.#resting.set(key.slice(restKey.length), clock.now() + restMillis);
    }
    events.on("peer:up", ({ peer, name }) => this.#meet(name, peer), signal);
    this.#isRunning = true;
  }

  // deno-lint-ignore require-await -- as above
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isRunning = false;
  }

  /** A family of which nothing is planned is not given at all. */
  ranges(): readonly Prefix[] {
    const planned = Object.values(this.#owners).flat();
    const all = this.#host.membership.network()?.ranges ?? [];
    return all.filter((range) => planned.some((prefix) => containsPrefix(range, prefix)));
  }

  leases(): Iterable<Lease> {
    return this.#leases.values();
  }

  allocate({ owner, subnet }: AllocationRequest, signal: AbortSignal): Promise<Lease> {
    return this.#guarded(owner, subnet, signal, () => {
      const known = [...this.#leases.values()].find((lease) =>
        lease.owner === owner && lease.bits === subnet.bits && contains(subnet, lease.address)
      );
      if (known !== undefined) return known;
      const waiting = this.#pending.get(`${owner} ${formatPrefix(subnet)}`);
      if (waiting !== undefined) return waiting;
      const address = this.#lowestFree(subnet);
      if (address === undefined) {
        throw new MeshError(
          "POOL_EXHAUSTED",
          `Cannot give an address of ${formatPrefix(subnet)}: none is free`,
        );
      }
      return this.#lease({ owner, address, bits: subnet.bits }, `${owner} ${formatPrefix(subnet)}`);
    });
  }

  claim(owner: string, address: Address, signal: AbortSignal): Promise<Lease> {
    const width = address.family === 4 ? 32 : 128;
    return this.#guarded(owner, { address, bits: width }, signal, (range) => {
      const text = formatAddress(address);
      const lease = this.#leases.get(text);
      if (lease?.owner === owner) return lease;
      if (isReserved(address, range)) {
        throw new MeshError("INVALID_ARGUMENT", `Cannot claim ${text}: no host may have it`);
      }
      if (!this.#own().some((prefix) => contains(prefix, address))) {
        throw new MeshError(
          "UNREACHABLE",
          `Cannot claim ${text}: it is not this node's; claim it on its owner`,
        );
      }
      if (!this.#isFree(text)) throw new MeshError("ADDRESS_TAKEN", `Cannot claim ${text}: it is in use`);
      return this.#lease({ owner, address, bits: range.bits }, text);
    });
  }

  async release(owner: string, address?: Address): Promise<number> {
    const gone = [...this.#leases].filter(([, lease]) =>
      lease.owner === owner && (address === undefined || sameAddress(lease.address, address))
    );
    await this.#host.store.commit(gone.flatMap(([text]) => [
      { key: leaseKey + text, value: undefined },
      { key: restKey + text, value: new Uint8Array() },
    ]));
    for (const [text, lease] of gone) {
      this.#leases.delete(text);
      this.#resting.set(text, this.#host.clock.now() + restMillis);
      this.#host.events.emit("lease:changed", { lease, state: "released" });
    }
    return gone.length;
  }

  /** What all calls check, and the range of `within`. Then the answer, also of what throws, is a promise. */
  async #guarded(
    owner: string,
    within: Prefix,
    signal: AbortSignal,
    give: (range: Prefix) => Lease | Promise<Lease>,
  ): Promise<Lease> {
    if (!this.#isRunning) throw new MeshError("NOT_RUNNING", "Cannot give addresses: the node is stopping");
    if (signal.aborted) {
      throw new MeshError("TIMEOUT", "Cannot give an address: nobody waits for it any more");
    }
    const range = this.ranges().find((each) => containsPrefix(each, within));
    const isNamed = owner.length >= 1 && owner.length <= maxOwner;
    if (range !== undefined && isNamed) return await give(range);
    const what = isNamed
      ? `${formatPrefix(within)} lies in no range of the network`
      : "the owner has no name";
    throw new MeshError("INVALID_ARGUMENT", `Cannot give an address: ${what}`);
  }

  /** Counts once it is on disk. */
  #lease(lease: Lease, key: string): Promise<Lease> {
    const text = formatAddress(lease.address);
    const { owner, bits } = lease;
    const change: StoreChange = {
      key: leaseKey + text,
      value: new TextEncoder().encode(JSON.stringify({ owner, bits })),
    };
    this.#taking.add(text);
    const done = this.#host.store.commit([change, { key: restKey + text, value: undefined }])
      .then(() => this.#leased(text, lease))
      .finally(() => {
        this.#taking.delete(text);
        this.#pending.delete(key);
      });
    this.#pending.set(key, done);
    return done;
  }

  #leased(text: string, lease: Lease): Lease {
    this.#resting.delete(text);
    this.#leases.set(text, lease);
    this.#host.events.emit("lease:changed", { lease, state: "allocated" });
    return lease;
  }

  #own(): readonly Prefix[] {
    return this.#owners[this.#host.self.name] ?? [];
  }

  #lowestFree(subnet: Prefix): Address | undefined {
    const range = this.ranges().find((each) => containsPrefix(each, subnet))!;
    for (const own of this.#own()) {
      const part = containsPrefix(subnet, own) ? own : containsPrefix(own, subnet) ? subnet : undefined;
      if (part === undefined) continue;
      const last = addressToBigInt(lastAddress(part));
      for (let value = addressToBigInt(part.address); value <= last; value++) {
        const address = addressFromBigInt(part.address.family, value);
        const isHost = !isReserved(address, range) && !isReserved(address, subnet);
        if (isHost && this.#isFree(formatAddress(address))) return address;
      }
    }
    return undefined;
  }

  #isFree(text: string): boolean {
    const rests = (this.#resting.get(text) ?? -Infinity) > this.#host.clock.now();
    return !rests && !this.#leases.has(text) && !this.#taking.has(text);
  }

  /** Of nodes that have never been seen only the name is known, and a route needs an id. */
  *#routes(): Iterable<Route> {
    for (const [name, prefixes] of Object.entries(this.#owners)) {
      const owner = this.#peers.get(name);
      if (owner !== undefined) { for (const prefix of prefixes) yield { prefix, owner }; }
    }
  }

  #meet(name: string, peer: PeerId): void {
    if (this.#peers.get(name) === peer) return;
    this.#peers.set(name, peer);
    this.#version++;
  }
}

/** The network's own address, and in IPv4 its broadcast address (RFC 1122 §3.2.1.3). */
function isReserved(address: Address, { address: first, bits }: Prefix): boolean {
  if (sameAddress(address, first)) return true;
  return address.family === 4 && sameAddress(address, lastAddress({ address: first, bits }));
}

const prefix = z.string().transform((text, context) => {
  const parsed = parsePrefix(text);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: "custom", message: `expected a CIDR, got ${JSON.stringify(text)}` });
  return z.NEVER;
});

const config = z.strictObject({
  owners: z.record(z.string(), z.array(prefix)).superRefine((owners, context) => {
    const all = Object.entries(owners).flatMap(([name, prefixes]) =>
      prefixes.map((each) => ({ name, prefix: each }))
    );
    for (const [i, { name, prefix: one }] of all.entries()) {
      const clash = all.slice(0, i).find(({ prefix: other }) => overlaps(one, other));
      if (clash === undefined) continue;
      const message = `${formatPrefix(one)} overlaps ${formatPrefix(clash.prefix)} of ${clash.name}`;
      context.addIssue({ code: "custom", path: [name], message });
    }
  }).describe("Name of a node → the ranges that are its own"),
});

export const plugin = definePlugin({
  slot: "ipam",
  name: "fixed_ranges",
  config,
  create: ({ owners }, host: IpamHost) => new FixedRanges(owners, host),
});
