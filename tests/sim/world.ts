/**
 * A world of whole nodes: `createNode` with all its plugins on simulated time, chance and network, and on disks that
 * outlive a crash. Everything follows from the seed.
 */
import type { AeadSuite } from "../../core/contracts/aead.ts";
import { MeshError } from "../../core/contracts/errors.ts";
import type { MeshNode } from "../../core/contracts/node.ts";
import type { Composition } from "../../core/node/composition.ts";
import { createNode } from "../../core/node/create_node.ts";
import type { Intent } from "../../core/node/entry.ts";
import { nobleAeads } from "../../core/runtime/aead.ts";
import { parsePrefix } from "../../core/wire/prefix.ts";
import { allowAll } from "../../plugins/allow_all/mod.ts";
import { MemoryDisk, memoryStoreOn } from "../../plugins/memory_store/mod.ts";
import { memoryTransport } from "../../plugins/memory_transport/mod.ts";
import { noise } from "../../plugins/noise/mod.ts";
import { ring } from "../../plugins/ring/mod.ts";
import { staticSeeds } from "../../plugins/static_seeds/mod.ts";
import { userspace } from "../../plugins/userspace/mod.ts";
import { SimClock } from "./clock.ts";
import { type LinkFaults, SimNetwork } from "./network.ts";
import { SimRandom } from "./random.ts";

const aeads: readonly AeadSuite[] = nobleAeads();
const diskBytes = 16 * 1024 * 1024;

export interface SimNode {
  readonly name: string;
  readonly host: string;
  readonly node: MeshNode;
}

export class SimWorld implements AsyncDisposable {
  readonly clock = new SimClock();
  readonly network: SimNetwork;
  readonly #random: SimRandom;
  readonly #own: SimRandom;
  readonly #disks = new Map<string, MemoryDisk>();
  readonly #hosts = new Map<string, string>();
  readonly #running = new Map<string, SimNode>();

  readonly #plugins: Partial<Composition>;

  /** `plugins` stand in for the usual ones on every node. */
  constructor(seed: number, faults: Partial<LinkFaults> = {}, plugins: Partial<Composition> = {}) {
    this.#plugins = plugins;
    this.#random = new SimRandom(seed);
    this.#own = new SimRandom(~seed);
    this.network = new SimNetwork({ clock: this.clock, random: this.#random.fork(), faults });
  }

  /** `names` of nodes: the first founds, the others join with its token; resolves when all have addresses. */
  async mesh(...names: readonly string[]): Promise<readonly SimNode[]> {
    const founder = await this.found(names[0]!);
    const { token } = await this.run(founder.node.tokens.create());
    const joiners: SimNode[] = [];
    for (const name of names.slice(1)) joiners.push(await this.start(name, { join: { token } }));
    return [founder, ...joiners];
  }

  found(name: string): Promise<SimNode> {
    return this.start(name, { found: { networkName: "sim", range: parsePrefix("10.32.0.0/12")! } });
  }

  /** A second start under the same name finds the disk as the first one left it. */
  async start(name: string, intent: Intent = {}): Promise<SimNode> {
    return await this.startAt(name, this.#hostOf(name), intent);
  }

  /** Several at once, each as by {@link start}; resolves when all have settled. */
  startTogether(starts: readonly (readonly [name: string, intent: Intent])[]): Promise<readonly SimNode[]> {
    return this.run(
      Promise.all(starts.map(([name, intent]) => this.create(name, this.#hostOf(name), intent))),
    );
  }

  startAt(name: string, host: string, intent: Intent = {}): Promise<SimNode> {
    return this.run(this.create(name, host, intent));
  }

  #hostOf(name: string): string {
    return this.#hosts.get(name) ?? `192.0.2.${1 + this.#hosts.size}`;
  }

  /** Only begins: somebody has to let time pass. */
  async create(name: string, host: string, intent: Intent, signal?: AbortSignal): Promise<SimNode> {
    const disk = this.disk(name);
    this.#hosts.set(name, host);
    const node = await createNode({
      name,
      intent,
      ...(signal && { signal }),
      plugins: {
        store: memoryStoreOn(disk),
        transport: memoryTransport({ network: this.network, endpoint: { host, port: 6783 } }),
        encapsulation: noise({}),
        discovery: [staticSeeds({ seeds: [] })],
        ipam: ring({}),
        policy: allowAll({}),
        port: userspace({}),
        ...this.#plugins,
      },
      platform: {
        clock: this.clock,
        random: this.#random.fork(),
        aeads,
        runtime: "simulated",
        hostname: name,
      },
    });
    const started = { name, host, node };
    this.#running.set(name, started);
    return started;
  }

  /** Fills bytes from the seed, apart from what the nodes draw. */
  chance(bytes: Uint8Array): Uint8Array {
    return this.#own.fill(bytes);
  }

  disk(name: string): MemoryDisk {
    const disk = this.#disks.get(name) ?? new MemoryDisk(diskBytes);
    this.#disks.set(name, disk);
    return disk;
  }

  /** From the next start the disk of `name` has so many bytes, and on it what was there. */
  replaceDisk(name: string, bytes: number): void {
    const changes = [...this.disk(name).image.entries("")].map(([key, value]) => ({ key, value }));
    const disk = new MemoryDisk(bytes);
    disk.write(disk.mount(), changes);
    this.#disks.set(name, disk);
  }

  /** Nothing can be written any more on the disk of a running node. */
  fillDisk(name: string): void {
    this.disk(name).write = () => {
      throw new MeshError("DISK_FULL", "Cannot write: the simulated disk is full");
    };
  }

  /** A disk with what `name` has on its own now: an image of the machine, started elsewhere. */
  copyDisk(name: string, copy: string): void {
    const changes = [...this.disk(name).image.entries("")].map(([key, value]) => ({ key, value }));
    const disk = this.disk(copy);
    disk.write(disk.mount(), changes);
  }

  /** As a power cut: nobody hears of it. */
  async crash(victim: SimNode): Promise<void> {
    this.network.partition([victim.host]);
    await this.stop(victim);
    this.network.heal();
  }

  async stop(victim: SimNode): Promise<void> {
    this.#running.delete(victim.name);
    await this.run(victim.node[Symbol.asyncDispose]());
  }

  /** Those that run, in the order of their starts. */
  nodes(): readonly SimNode[] {
    return [...this.#running.values()];
  }

  /** Simulated time until the promise settles. */
  run<T>(promise: PromiseLike<T>, limit = 120_000): Promise<T> {
    return this.clock.complete(Promise.resolve(promise), limit);
  }

  /** Simulated time until every running node has a session with every other. */
  async settle(limit = 60_000): Promise<void> {
    const others = this.#running.size - 1;
    await this.clock.runUntil(
      () => [...this.#running.values()].every(({ node }) => node.status().connections.established === others),
      limit,
    );
  }

  /** One echo from node to node over the overlay; milliseconds of simulated time. */
  async ping(from: SimNode, to: SimNode, family: 4 | 6 = 4): Promise<number> {
    const address = to.node.status().addresses.find((text) => text.includes(":") === (family === 6))!;
    const { rttMillis } = await this.run(from.node.ping(address, {}, new AbortController().signal));
    return rttMillis;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const running of [...this.#running.values()].reverse()) await this.stop(running);
  }
}
