/**
 * The threads of the data path from outside, as one: gives each worker a socket and a queue of its own, tells all of them
 * what one is told, and takes what they leave. What the workers know of sessions and tables, others tell, and tell again to
 * a worker that begins anew.
 */
import process from "node:process";
import type {
  DatagramReceiver,
  Datapath,
  FrameReceiver,
  OpenAnother,
  UnderlayDescriptor,
} from "../contracts/datapath.ts";
import type { Command } from "../datapath/control.ts";
import type { Punt, PuntedPacket } from "../datapath/punt.ts";
import { holderOf, ReplayWindows } from "../datapath/replay_windows.ts";
import { SessionCells } from "../datapath/session_cells.ts";
import { type LastingMemory, lastingMemory } from "../datapath/shared_memory.ts";
import type { Tell, WorkerFacts, WorkerLink } from "../datapath/worker_link.ts";
import { againMillis, DatapathLane, type LaneOptions } from "./datapath_lane.ts";
import type { FoundFacts } from "./datapath_run.ts";
import type { Foreign } from "./ffi/foreign.ts";
import { PacketCalls } from "./ffi/packet_calls.ts";
import { systemForeign } from "./ffi/system_foreign.ts";
import { ReplySources } from "./reply_sources.ts";
import { decodeSockaddr } from "./socket_address.ts";

export interface DatapathOptions extends LaneOptions {
  /** From 1, which is the default, to {@link mostWorkers}. */
  readonly workers?: number;
}

/** For each direction of each cipher that the first worker tries. */
const trialMillis = 10;

/**
 * Starts the threads. Rejects `UNSUPPORTED` where C libraries cannot be called, where no memory below 2^31 is left, and
 * where a worker does not begin; then nothing of it is left running.
 */
export async function startDatapath(options: DatapathOptions): Promise<DatapathThread> {
  const thread = threadOf(await systemForeign(options.ffi), options);
  try {
    await thread.begin();
    return thread;
  } catch (error) {
    await thread[Symbol.asyncDispose]();
    throw error;
  }
}

function threadOf(foreign: Foreign, options: DatapathOptions): DatapathThread {
  try {
    return new DatapathThread(foreign, options);
  } catch (error) {
    foreign[Symbol.dispose]();
    throw error;
  }
}

interface TakenSocket extends UnderlayDescriptor {
  readonly receive: DatagramReceiver;
}

interface TakenTap {
  readonly descriptor: number;
  readonly receiver: FrameReceiver;
  /** Each worker finds out that the device is gone. */
  isLost: boolean;
}

export class DatapathThread implements Datapath, WorkerLink, AsyncDisposable {
  readonly memory: LastingMemory;
  readonly #options: DatapathOptions;
  readonly #foreign: Foreign;
  readonly #calls: PacketCalls;
  readonly #cells: SessionCells;
  readonly #windows: ReplayWindows;
  readonly #lanes: DatapathLane[] = [];
  readonly #sources = new ReplySources();
  readonly #atExit = () => this.#lanes.forEach((lane) => lane.tellEnd());
  #facts: FoundFacts = { ffi: "", ciphers: [], measures: [], isRealtime: false };
  #restarts = 0;
  #isDisposed = false;
  #socket: TakenSocket | undefined;
  #tap: TakenTap | undefined;
  #opened: (punt: PuntedPacket) => void = () => {};
  #moved: (sockaddr: Uint8Array) => void = () => {};
  #restarted: (tell: Tell) => void = () => {};

  constructor(foreign: Foreign, options: DatapathOptions) {
    this.#foreign = foreign;
    this.#options = options;
    this.#calls = new PacketCalls(foreign);
    this.memory = lastingMemory(this.#workers);
    this.#cells = new SessionCells(this.memory.cells);
    this.#windows = new ReplayWindows(this.memory.windows);
    // Node joins its workers when it ends, and one that waits in the kernel would never hear of that.
    process.once("exit", this.#atExit);
  }

  get #workers(): number {
    return this.#options.workers ?? 1;
  }

  get facts(): WorkerFacts {
    return { ...this.#facts, workers: this.#workers, restarts: this.#restarts };
  }

  get family(): 4 | 6 | undefined {
    return this.#socket?.family;
  }

  get hasTap(): boolean {
    return this.#tap !== undefined;
  }

  /** Of the worker that has most to hand over. */
  get backlog(): number {
    return Math.max(...this.#lanes.map((lane) => lane.backlog));
  }

  /** Once. Resolves when the workers carry packets. The first one tries ciphers alone, so that nothing disturbs its clock. */
  async begin(): Promise<void> {
    for (let worker = 0; worker < this.#workers; worker++) this.#lanes.push(this.#lane(worker));
    const [first, ...others] = this.#lanes;
    this.#facts = await first!.begin(trialMillis);
    await Promise.all(others.map((lane) => lane.begin(againMillis)));
  }

  takeSocket(socket: UnderlayDescriptor, receive: DatagramReceiver, another: OpenAnother): boolean {
    if (this.#socket !== undefined || this.#isDisposed) return false;
    const { descriptor, family } = socket;
    const all = this.#oneEach(descriptor, another);
    this.#socket = { descriptor, family, receive };
    all.forEach((own, worker) => this.#lanes[worker]!.attachSocket({ descriptor: own, family }));
    return true;
  }

  takeTap(descriptor: number, receiver: FrameReceiver, another: OpenAnother): boolean {
    if (this.#tap !== undefined || this.#isDisposed) return false;
    const all = this.#oneEach(descriptor, another);
    this.#tap = { descriptor, receiver, isLost: false };
    all.forEach((own, worker) => this.#lanes[worker]!.attachTap(own));
    return true;
  }

  async release(descriptor: number): Promise<void> {
    if (this.#socket?.descriptor === descriptor) {
      this.#socket = undefined;
      this.#sources.clear();
      this.#closeFurther(await Promise.all(this.#lanes.map((lane) => lane.detachSocket())));
    } else if (this.#tap?.descriptor === descriptor) {
      this.#tap = undefined;
      this.#closeFurther(await Promise.all(this.#lanes.map((lane) => lane.detachTap())));
    }
  }

  tell(command: Command): boolean {
    return this.#lanes.map((lane) => lane.tell(command)).every((isTold) => isTold);
  }

  sourceOf(sockaddr: Uint8Array): Uint8Array | undefined {
    return this.#sources.of(sockaddr);
  }

  forgetSource(sockaddr: Uint8Array): void {
    this.#sources.forget(sockaddr);
  }

  onSource(handler: (sockaddr: Uint8Array) => void): void {
    this.#moved = handler;
  }

  onOpened(handler: (punt: PuntedPacket) => void): void {
    this.#opened = handler;
  }

  onRestart(handler: (tell: Tell) => void): void {
    this.#restarted = handler;
  }

  /** Whoever has given a descriptor closes it after this, unless it was released before. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    process.removeListener("exit", this.#atExit);
    await Promise.all(this.#lanes.map((lane) => lane.end()));
    this.#closeFurther(await Promise.all(this.#lanes.map((lane) => lane.detachSocket())));
    this.#closeFurther(await Promise.all(this.#lanes.map((lane) => lane.detachTap())));
    this.#foreign[Symbol.dispose]();
  }

  #lane(worker: number): DatapathLane {
    return new DatapathLane({
      foreign: this.#foreign,
      calls: this.#calls,
      options: this.#options,
      memory: this.memory,
      worker,
      handle: (punt) => this.#handle(punt),
      failed: (error) => this.#failed(worker, error),
      restarted: (tell) => this.#restarted(tell),
    });
  }

  /** What only its holder could have let go of, before another one begins. The other workers go on meanwhile. */
  #failed(worker: number, error: unknown): void {
    this.#restarts++;
    const details = { error, worker, count: this.#restarts };
    this.#options.log.log("error", "The data path failed and begins anew", details);
    this.#windows.release(holderOf(worker));
    this.#cells.jumpCounters();
    this.#cells.reclaim(worker);
  }

  /** A descriptor for each worker. */
  #oneEach(first: number, another: OpenAnother): readonly number[] {
    const all = [first];
    try {
      while (all.length < this.#lanes.length) all.push(another());
      return all;
    } catch (error) {
      this.#closeFurther(all);
      throw error;
    }
  }

  /** All but the first, which whoever opened it closes. */
  #closeFurther(descriptors: readonly (number | undefined)[]): void {
    for (const descriptor of descriptors.slice(1)) {
      if (descriptor !== undefined) this.#calls.close(descriptor);
    }
  }

  #handle(punt: Punt): void {
    switch (punt.kind) {
      case "opened":
        return this.#handOver(punt);
      case "frame":
        return this.#tap?.receiver.frame(punt.bytes);
      case "tap-lost":
        return this.#loseTap();
      case "datagram": {
        const from = decodeSockaddr(punt.from, 0);
        const handle = () => from !== undefined && this.#socket?.receive(punt.bytes, from);
        return this.#sources.heard(punt.from, punt.local, handle);
      }
    }
  }

  /** An old packet tells nothing of where its peer is now. */
  #handOver(punt: PuntedPacket): void {
    if (punt.isNewest && this.#sources.proved(punt.from, punt.local)) this.#moved(punt.from);
    this.#opened(punt);
  }

  #loseTap(): void {
    if (this.#tap === undefined || this.#tap.isLost) return;
    this.#tap.isLost = true;
    this.#tap.receiver.lost();
  }
}
