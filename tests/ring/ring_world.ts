/**
 * Nodes that have nothing but a ring plugin, on a simulated clock, network and disk: any loss, duplication, reordering,
 * partition, full disk and kill -9, replayable from one seed.
 */
import type { Channel, Clock, Logger, MemberWatch, Self } from "../../core/contracts/host.ts";
import type { Lease } from "../../core/contracts/ipam.ts";
import type { Membership, NetworkFacts } from "../../core/contracts/membership.ts";
import type { StoreNotice } from "../../core/contracts/store.ts";
import type { Address, PeerId, Prefix } from "../../core/contracts/values.ts";
import { createIdentity, openSelf } from "../../core/identity/identity.ts";
import { EventBus } from "../../core/node/event_bus.ts";
import { ForeignRecords } from "../../core/node/foreign_records.ts";
import { Replicator, stateChannel } from "../../core/node/replicator.ts";
import { formatAddress } from "../../core/wire/address.ts";
import { formatPrefix, parsePrefix } from "../../core/wire/prefix.ts";
import { MemoryDisk } from "../../plugins/memory_store/mod.ts";
import type { RingHost } from "../../plugins/ring/ring_host.ts";
import { RingIpam, type RingOptions } from "../../plugins/ring/ring_ipam.ts";
import { SimClock } from "../sim/clock.ts";
import { SimRandom } from "../sim/random.ts";
import { SimCouncil } from "./sim_council.ts";

export interface WorldOptions {
  readonly seed?: number;
  readonly ranges?: readonly string[];
  readonly block?: number;
  /** Probability of a message to be lost, or to come twice. */
  readonly loss?: number;
  readonly duplicates?: number;
  /** In milliseconds; commits do not overtake each other. */
  readonly slowestCommit?: number;
}

export const silent: Logger = { child: () => silent, log: () => {} };

export const quarantine = 60_000;
const longestLatency = 40;

export class World {
  readonly clock = new SimClock();
  readonly nodes: readonly SimNode[];
  readonly facts: NetworkFacts;
  readonly options: Required<WorldOptions>;
  readonly random: SimRandom;
  readonly council: SimCouncil<SimNode>;
  /** Numbers of nodes that hear each other; all others are cut off from them. */
  island: ReadonlySet<number> = new Set();
  loss: number;
  /** May look at any message, and lose it by answering false. */
  intercept: (from: SimNode, to: SimNode, message: Uint8Array, channel: string) => boolean = () => true;

  constructor(size: number, options: WorldOptions = {}) {
    const ranges = ["10.32.0.0/12", "fd00:5e1f:a6e0::/48"];
    this.options = { seed: 1, ranges, block: 20, loss: 0, duplicates: 0, slowestCommit: 0, ...options };
    this.random = new SimRandom(this.options.seed);
    this.loss = this.options.loss;
    this.nodes = Array.from({ length: size }, (_, number) => new SimNode(this, number));
    this.council = new SimCouncil({
      places: this.nodes,
      connected: (a, b) => this.connected(a, b),
      after: (millis, run) => void this.clock.timer(this.clock.now() + millis, run),
    });
    this.facts = {
      id: new Uint8Array(16).fill(7),
      name: "world",
      ranges: this.options.ranges.map(prefix),
      founder: this.nodes[0]!.self.id,
    };
  }

  get(number: number): SimNode {
    return this.nodes[number]!;
  }

  async startAll(): Promise<void> {
    for (const node of this.nodes) await node.start();
  }

  async stopAll(): Promise<void> {
    for (const node of this.nodes) await node.stop();
  }

  /** Cuts the network in two. */
  partition(island: readonly number[]): void {
    this.island = new Set(island);
    this.#announce();
  }

  heal(): void {
    this.island = new Set();
    this.loss = 0;
    this.#announce();
  }

  connected(a: SimNode, b: SimNode): boolean {
    const together = this.island.has(a.number) === this.island.has(b.number);
    return a !== b && a.isUp && b.isUp && together;
  }

  carry(from: SimNode, to: SimNode, message: Uint8Array, channel: string): boolean {
    if (!this.connected(from, to)) return false;
    const isLost = this.random.chance(this.loss) || !this.intercept(from, to, message, channel);
    const copies = this.random.chance(this.options.duplicates) ? 2 : 1;
    for (let copy = 0; copy < copies && !isLost; copy++) {
      const latency = 1 + this.random.float() * longestLatency;
      this.clock.timer(this.clock.now() + latency, () => {
        if (this.connected(from, to)) to.hear(from.self.id, message.slice(), channel);
      });
    }
    return true;
  }

  peerOf(id: PeerId): SimNode | undefined {
    return this.nodes.find((node) => node.self.id === id);
  }

  #announce(): void {
    for (const a of this.nodes) {
      for (const b of this.nodes.filter((each) => this.connected(a, each))) {
        a.greet(b);
        this.council.meet(a, b);
      }
    }
  }
}

export class SimNode {
  readonly number: number;
  readonly self: Self;
  readonly disk = new MemoryDisk();
  readonly #world: World;
  #ipam: RingIpam | undefined;
  #life: AbortController | undefined;
  #events = new EventBus(silent);
  #replicator: Replicator | undefined;
  readonly #handlers = new Map<string, (from: PeerId, message: Uint8Array) => void>();
  log = silent;
  /** Makes every commit fail. */
  isDiskFull = false;
  /** What its store says of the disk. */
  notices: readonly StoreNotice[] = [];
  /** Whom it knows as members; all the others if undefined. */
  members: readonly Self[] | undefined;
  /** False for a node that has not joined yet. */
  isMember = true;

  constructor(world: World, number: number) {
    this.number = number;
    this.self = selfOf(number);
    this.#world = world;
  }

  get isUp(): boolean {
    return this.#life !== undefined;
  }

  /** The plugin of the present life, or of the last. */
  get ipam(): RingIpam {
    return this.#ipam!;
  }

  get leases(): readonly Lease[] {
    return [...this.ipam.leases()];
  }

  get addresses(): readonly string[] {
    return this.leases.map(({ address }) => formatAddress(address));
  }

  /** A plugin on this node's disk, not started. */
  create(): RingIpam {
    this.#life?.abort();
    this.#life = new AbortController();
    this.#events = new EventBus(silent);
    this.#replicator?.stop();
    const host = this.#host(this.#life.signal);
    this.#ipam = new RingIpam(this.#ringOptions(), host);
    this.#replicator!.start();
    return this.#ipam;
  }

  async start(): Promise<void> {
    if (this.isUp) return;
    await this.create().start(this.#life!.signal);
    for (const other of this.#world.nodes) {
      if (!this.#world.connected(this, other)) continue;
      this.greet(other);
      other.greet(this);
      this.#world.council.meet(this, other);
    }
  }

  /** As if the process had been killed: nothing is said, nothing is finished. */
  kill(): void {
    this.#life?.abort();
    this.#replicator?.stop();
    this.#life = undefined;
    this.disk.mount();
  }

  async stop(): Promise<void> {
    if (!this.isUp) return;
    await this.#ipam?.[Symbol.asyncDispose]();
    this.kill();
  }

  hear(from: PeerId, message: Uint8Array, channel = "ring"): void {
    this.#handlers.get(channel)?.(from, message);
  }

  greet(peer: SimNode): void {
    const endpoint = { host: "192.0.2.1", port: 1 };
    this.#events.emit("peer:up", { peer: peer.self.id, name: peer.self.name, endpoint });
    this.#replicator?.greet(peer.self.id);
  }

  get events(): EventBus {
    return this.#events;
  }

  #ringOptions(): RingOptions {
    return {
      range: prefix("10.32.0.0/12"),
      block: { 4: this.#world.options.block, 6: 64 },
      quarantine,
    };
  }

  #host(life: AbortSignal): RingHost {
    const { clock: worldClock } = this.#world;
    const store = this.disk.mount();
    let lastCommit = Promise.resolve();
    const clock: Clock = {
      now: () => worldClock.now(),
      wall: () => worldClock.wall(),
      timer: (at, run) => worldClock.timer(at, () => life.aborted || run()),
    };
    const replicator = new Replicator({
      self: this.self.id,
      channel: this.#channel(life, stateChannel),
      clock,
      log: silent,
      foreign: new ForeignRecords(() => false),
    });
    this.#replicator = replicator;
    return {
      self: this.self,
      clock,
      log: this.log,
      events: this.#events,
      membership: { network: () => this.isMember ? this.#world.facts : undefined } as Membership,
      store: {
        notices: () => this.notices,
        get: (key) => store.get(key),
        entries: (start) => store.entries(start),
        commit: (changes) => {
          const done = lastCommit.then(() => this.#writeTime()).then(() => {
            if (this.isDiskFull) throw new Error("no space left");
            return store.commit(changes);
          });
          lastCommit = done.catch(() => {});
          return done;
        },
      },
      channel: (name) => this.#channel(life, name),
      replicate: (state) => replicator.replicate(state),
      members: {
        known: () =>
          this.members ?? this.#world.nodes.filter((other) => other !== this).map(({ self }) => self),
      } as unknown as MemberWatch,
      decisions: this.#world.council.seatOf(this),
    };
  }

  #writeTime(): Promise<void> {
    const { clock, random, options } = this.#world;
    if (options.slowestCommit === 0) return Promise.resolve();
    const duration = random.float() * options.slowestCommit;
    return new Promise((resolve) => clock.timer(clock.now() + duration, resolve));
  }

  #channel(life: AbortSignal, name: string): Channel {
    const peers = () => this.#world.nodes.filter((node) => this.#world.connected(this, node));
    return {
      send: (to, message) => {
        const node = this.#world.peerOf(to);
        return node !== undefined && !life.aborted && this.#world.carry(this, node, message, name);
      },
      receive: (handler) => {
        this.#handlers.set(name, handler);
      },
      peers: () => life.aborted ? [] : peers().map(({ self }) => self.id),
    };
  }
}

export function prefix(text: string): Prefix {
  return parsePrefix(text)!;
}

export function address(text: string): Address {
  return prefix(`${text}/${text.includes(":") ? 128 : 32}`).address;
}

/** Keys are made once per process: making them is the slowest thing here. */
const selves: Self[] = [];

export function selfOf(number: number): Self {
  const random = new SimRandom(1000 + number);
  return selves[number] ??= openSelf(createIdentity(random), `node-${number}`);
}

const weaveRange = prefix("10.32.0.0/12");

/** Runs `body` in a world and ends it. */
export async function worldOf(
  size: number,
  options: WorldOptions,
  body: (world: World, nodes: readonly SimNode[]) => Promise<void>,
): Promise<void> {
  const world = new World(size, options);
  try {
    await body(world, world.nodes);
  } finally {
    await world.stopAll();
  }
}

/** What a node believes to own, granted and not given on. */
export function blocksOf(node: SimNode, owner = node): string[] {
  return [...node.ipam.routes.routes()].filter((route) => route.owner === owner.self.id).map(({ prefix }) =>
    formatPrefix(prefix)
  );
}

/** Lets time pass until the node has an address of the subnet; gives it as text. */
export function allocate(
  world: World,
  node: SimNode,
  subnet: Prefix = weaveRange,
  owner = "node",
): Promise<string> {
  const lease = node.ipam.allocate({ owner, subnet }, new AbortController().signal);
  return world.clock.complete(lease.then((given) => formatAddress(given.address)));
}
