/**
 * A world of whole nodes: `createNode` with all its plugins on simulated time, chance and network, and on disks that
 * outlive a crash. Everything follows from the seed.
 */
import type { AeadSuite } from "../../core/contracts/aead.ts";
import { MeshError } from "../../core/contracts/errors.ts";
import type { LogFields, Logger, LogLevel } from "../../core/contracts/host.ts";
import type { Ipam } from "../../core/contracts/ipam.ts";
import type { MeshNode } from "../../core/contracts/node.ts";
import type { Plugin } from "../../core/contracts/plugin.ts";
import type { FramedStream, Streams } from "../../core/contracts/transport.ts";
import type { Millis } from "../../core/contracts/values.ts";
import type { Composition } from "../../core/node/composition.ts";
import { createNode, type NodeOptions } from "../../core/node/create_node.ts";
import type { Intent } from "../../core/node/entry.ts";
import { nobleAeads } from "../../core/runtime/aead.ts";
import { parsePrefix } from "../../core/wire/prefix.ts";
import { allowAll } from "../../plugins/allow_all/mod.ts";
import { type MemoryDisk, memoryStoreOn } from "../../plugins/memory_store/mod.ts";
import { memoryTransport } from "../../plugins/memory_transport/mod.ts";
import { noise } from "../../plugins/noise/mod.ts";
import { ring } from "../../plugins/ring/mod.ts";
import { staticSeeds } from "../../plugins/static_seeds/mod.ts";
import { userspace } from "../../plugins/userspace/mod.ts";
import { nativeX25519 } from "../noise/native_x25519.ts";
import { SimClock } from "./clock.ts";
import { SimMachine } from "./machine.ts";
import { type LinkFaults, SimNetwork } from "./network.ts";
import type { SimProcess } from "./process.ts";
import { SimRandom } from "./random.ts";

const aeads: readonly AeadSuite[] = nobleAeads();

export interface SimNode {
  readonly name: string;
  readonly host: string;
  readonly node: MeshNode;
  /** The plugin, for what `MeshNode` does not offer: leases for others than the node itself. */
  readonly ipam: Ipam;
  readonly process: SimProcess;
  /** Of its first transport that has them, and the key by which others dial it. */
  readonly streams: Streams | undefined;
  readonly noiseKey: Uint8Array;
}

/** Parts of a node that its composition lets out. */
interface Given {
  ipam?: Ipam;
  streams?: Streams | undefined;
  noiseKey?: Uint8Array;
}

/** What a node said at a level that is for people. */
export interface LogEntry {
  readonly at: Millis;
  readonly node: string;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

export interface WorldOptions {
  /** Stand in for the usual plugins on every node. */
  readonly plugins?: Partial<Composition>;
  readonly range?: string;
  readonly standingSessions?: number;
  /** Of every node; as `createNode` takes it. */
  readonly onlyTargets?: boolean;
  /** Of every node; as `createNode` takes it. */
  readonly linkStateUpTo?: number;
  /** What names stand for; without it nobody knows any. */
  readonly resolve?: (name: string) => Promise<readonly string[]>;
  /** Of every node; as `createNode` takes it. */
  readonly broadcastTree?: NodeOptions["broadcastTree"];
  /** Datagrams that get no answer go through connections as well, on every node. */
  readonly overTcp?: "fallback";
  /** Takes the streams that members dial to a node. */
  readonly accept?: (name: string, stream: FramedStream) => void;
}

const longestLog = 1_000;

export class SimWorld implements AsyncDisposable {
  readonly clock = new SimClock();
  readonly network: SimNetwork;
  /** Warnings and errors of living nodes, the last ones first to go. */
  readonly log: LogEntry[] = [];
  /** Called when a node is composed, before anything of it has started. */
  onBoot: (name: string, ipam: Ipam) => void = () => {};
  readonly #random: SimRandom;
  readonly #own: SimRandom;
  readonly #machines = new Map<string, SimMachine>();
  readonly #running = new Map<string, SimNode>();
  readonly #options: WorldOptions;

  constructor(seed: number, faults: Partial<LinkFaults> = {}, options: WorldOptions = {}) {
    this.#options = options;
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
    const range = parsePrefix(this.#options.range ?? "10.32.0.0/12")!;
    return this.start(name, { found: { networkName: "sim", range } });
  }

  /** A second start under the same name finds the disk as the first one left it. */
  async start(name: string, intent: Intent = {}): Promise<SimNode> {
    return await this.startAt(name, this.machine(name).host, intent);
  }

  /** Several at once, each as by {@link start}; resolves when all have settled. */
  startTogether(starts: readonly (readonly [name: string, intent: Intent])[]): Promise<readonly SimNode[]> {
    return this.run(
      Promise.all(starts.map(([name, intent]) => this.create(name, this.machine(name).host, intent))),
    );
  }

  startAt(name: string, host: string, intent: Intent = {}): Promise<SimNode> {
    return this.run(this.create(name, host, intent));
  }

  /** Only begins: somebody has to let time pass. Rejects `NOT_RUNNING` when the process is killed before it is ready. */
  async create(name: string, host: string, intent: Intent, signal?: AbortSignal): Promise<SimNode> {
    const machine = this.machine(name, host);
    machine.host = host;
    const process = machine.boot(this.network, () => this.#own.float());
    const given: Given = {};
    const { standingSessions, onlyTargets, broadcastTree, linkStateUpTo } = this.#options;
    const starting = createNode({
      name,
      intent,
      ...(signal && { signal }),
      ...(standingSessions && { standingSessions }),
      ...(onlyTargets && { onlyTargets }),
      ...(broadcastTree && { broadcastTree }),
      ...(linkStateUpTo && { linkStateUpTo }),
      plugins: this.#composition(machine, process, given),
      platform: {
        clock: process.clock,
        random: this.#random.fork(),
        log: this.#logger(name, process),
        aeads,
        runtime: "simulated",
        resolve: this.#options.resolve ?? noNames,
        hostname: name,
      },
    });
    const node = await unlessKilled(process, starting);
    const started = {
      name,
      host,
      node,
      process,
      ipam: given.ipam!,
      streams: given.streams,
      noiseKey: given.noiseKey!,
    };
    this.#running.set(name, started);
    return started;
  }

  #composition(machine: SimMachine, process: SimProcess, given: Given): Composition {
    const { plugins = {}, accept, overTcp = "never" } = this.#options;
    const composition: Composition = {
      store: memoryStoreOn(machine.disk),
      transport: memoryTransport({ network: process, endpoint: { host: machine.host, port: 6783 }, overTcp }),
      encapsulation: noise({}),
      discovery: [staticSeeds({ seeds: [] })],
      ipam: ring({}),
      policy: allowAll({}),
      port: userspace({}),
      ...plugins,
    };
    const ipam: Plugin<"ipam"> = {
      ...composition.ipam,
      create: (host) => {
        const made = composition.ipam.create(host);
        given.ipam = made;
        this.onBoot(machine.name, made);
        return made;
      },
    };
    const transport = [composition.transport].flat().map((plugin): Plugin<"transport"> => ({
      ...plugin,
      create: (host) => {
        const made = plugin.create(host);
        given.noiseKey = host.self.noise.publicKey;
        given.streams ??= made.streams;
        if (accept !== undefined) made.streams?.accept((stream) => accept(machine.name, stream));
        return made;
      },
    }));
    // The same bytes ten times as fast: no simulation is about the curve.
    const encapsulation: Plugin<"encapsulation"> = {
      ...composition.encapsulation,
      create: (host) => {
        const swift = { ...host, curve: nativeX25519 };
        return composition.encapsulation.create(swift);
      },
    };
    return { ...composition, ipam, transport, encapsulation };
  }

  #logger(name: string, process: SimProcess): Logger {
    const logger: Logger = {
      child: () => logger,
      log: (level, message, fields = {}) => {
        if (process.isDead || level === "debug" || level === "info") return;
        this.log.push({ at: this.clock.now(), node: name, level, message, fields });
        if (this.log.length > longestLog) this.log.shift();
      },
    };
    return logger;
  }

  /** Fills bytes from the seed, apart from what the nodes draw. */
  chance(bytes: Uint8Array): Uint8Array {
    return this.#own.fill(bytes);
  }

  /** The machine of that name; a new one gets the next host of 192.0.2.0/24 unless told. */
  machine(name: string, host?: string): SimMachine {
    const known = this.#machines.get(name);
    if (known !== undefined) return known;
    const machine = new SimMachine(name, host ?? `192.0.2.${1 + this.#machines.size}`, this.clock);
    this.#machines.set(name, machine);
    return machine;
  }

  /** Whose host it is. */
  nameOf(host: string): string | undefined {
    return [...this.#machines.values()].find((machine) => machine.host === host)?.name;
  }

  disk(name: string): MemoryDisk {
    return this.machine(name).disk;
  }

  /** Nothing can be written any more on the disk of a running node. */
  fillDisk(name: string): void {
    this.disk(name).fail("full");
  }

  /** A disk with what `name` has on its own now: an image of the machine, started elsewhere. */
  copyDisk(name: string, copy: string): void {
    this.disk(copy).restore(this.disk(name).snapshot());
  }

  /** As kill -9: nobody hears of it but from its kernel, which resets its streams. The first `landed` commits under way had reached the disk. */
  crash({ name }: { readonly name: string }, landed = 0): void {
    this.#running.delete(name);
    this.machine(name).kill(landed);
  }

  /** The process stands still for so long; the world goes on. */
  pause({ process }: SimNode, millis: Millis): void {
    process.stop();
    this.clock.timer(this.clock.now() + millis, () => process.resume());
  }

  /** Cuts the streams between two nodes, as a firewall between them may; datagrams pass. */
  resetStreams(one: SimNode, other: SimNode): void {
    one.process.pipes?.reset(other.host);
  }

  async stop(victim: SimNode): Promise<void> {
    this.#running.delete(victim.name);
    victim.process.resume();
    await this.run(victim.node[Symbol.asyncDispose]());
    victim.process.kill();
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
      // Asked after every event; the whole status would cost more than what the nodes do in between.
      () => [...this.#running.values()].every(({ node }) => sessionsOf(node) === others),
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
    for (const machine of this.#machines.values()) machine.kill();
  }
}

function sessionsOf(node: MeshNode): number {
  return node.connections().filter(({ state }) => state === "established").length;
}

function noNames(name: string): Promise<never> {
  return Promise.reject(new MeshError("UNREACHABLE", `Cannot resolve "${name}": no such name`));
}

/** What waits for a killed process would wait for ever. */
async function unlessKilled<T>(process: SimProcess, promise: Promise<T>): Promise<T> {
  const killed = Promise.withResolvers<never>();
  process.onKill(() => killed.reject(new MeshError("NOT_RUNNING", "The process was killed")));
  return await Promise.race([promise, killed.promise]);
}
