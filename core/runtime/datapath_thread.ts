/**
 * The thread of the data path from outside: starts it, hands it descriptors, takes what it leaves, and starts another one
 * when it fails. What the worker knows of sessions and tables, others tell, and tell again.
 *
 * A worker that sits in a system call runs no event loop, so no message would reach it.
 */
import process from "node:process";
import { setImmediate, setTimeout } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { DatagramReceiver, Datapath, FrameReceiver, UnderlayDescriptor } from "../contracts/datapath.ts";
import { MeshError } from "../contracts/errors.ts";
import type { Clock, Logger } from "../contracts/host.ts";
import type { AeadPreference } from "../datapath/aead_choice.ts";
import type { Arena } from "../datapath/arena.ts";
import type { Command } from "../datapath/control.ts";
import { arenaLength } from "../datapath/datapath_core.ts";
import { type Punt, type PuntedPacket, PuntReader } from "../datapath/punt.ts";
import { RingConsumer } from "../datapath/ring.ts";
import { SessionCells } from "../datapath/session_cells.ts";
import { sharedMemory } from "../datapath/shared_memory.ts";
import type { WorkerFacts, WorkerLink } from "../datapath/worker_link.ts";
import { DatapathControl } from "./datapath_control.ts";
import type { DatapathOrder, FoundFacts } from "./datapath_run.ts";
import type { Foreign, ForeignWay } from "./ffi/foreign.ts";
import { PacketCalls } from "./ffi/packet_calls.ts";
import { mapArena } from "./ffi/system_arena.ts";
import { systemForeign } from "./ffi/system_foreign.ts";
import { decodeSockaddr } from "./socket_address.ts";

export interface DatapathOptions {
  /** Module of the worker, see `datapathWorkerUrl`. */
  readonly url: URL;
  readonly clock: Clock;
  readonly log: Logger;
  /** How to call C libraries; the best way there is by default. */
  readonly ffi?: ForeignWay | undefined;
  readonly aead?: AeadPreference | undefined;
}

/** Of what the worker leaves, per turn of the event loop: a flood of it must not keep all else waiting. */
const mostPunts = 64;
/** For each direction of each cipher that is tried; a worker that begins anew has less time. */
const trialMillis = { first: 10, again: 2 };
const startMillis = 20_000;
/** One that fails at once, again and again, must not take the processor that the node needs to say so. */
const restartMillis = 500;
const releaseMillis = 2_000;
const stopMillis = 2_000;

/**
 * Starts the thread. Rejects `UNSUPPORTED` where C libraries cannot be called, where no memory below 2^31 is left, and
 * where the worker does not begin; then nothing of it is left running.
 */
export async function startDatapath(options: DatapathOptions): Promise<DatapathThread> {
  const foreign = await systemForeign(options.ffi);
  const thread = new DatapathThread(foreign, options);
  try {
    await thread.begin();
    return thread;
  } catch (error) {
    await thread[Symbol.asyncDispose]();
    throw error;
  }
}

interface TakenSocket extends UnderlayDescriptor {
  readonly receive: DatagramReceiver;
}

interface TakenTap {
  readonly descriptor: number;
  readonly receiver: FrameReceiver;
}

export class DatapathThread implements Datapath, WorkerLink, AsyncDisposable {
  readonly memory = sharedMemory();
  readonly #options: DatapathOptions;
  readonly #foreign: Foreign;
  readonly #arena: Arena;
  readonly #control: DatapathControl;
  readonly #cells = new SessionCells(this.memory.cells);
  readonly #left = new RingConsumer(this.memory.punts);
  readonly #punts = new PuntReader(this.#left);
  readonly #atExit = () => this.#tellEnd();
  #worker: Worker | undefined;
  #startedAt = -Infinity;
  #facts: FoundFacts = { ffi: "", ciphers: [], measures: [] };
  #restarts = 0;
  #isDisposed = false;
  #socket: TakenSocket | undefined;
  #tap: TakenTap | undefined;
  #opened: (punt: PuntedPacket) => void = () => {};
  #restarted: () => void = () => {};

  constructor(foreign: Foreign, options: DatapathOptions) {
    this.#foreign = foreign;
    this.#options = options;
    this.#arena = mapArena(foreign, arenaLength);
    this.#control = new DatapathControl(foreign, new PacketCalls(foreign));
    // Node joins its workers when it ends, and one that waits in the kernel would never hear of that.
    process.once("exit", this.#atExit);
  }

  get facts(): WorkerFacts {
    return { ...this.#facts, restarts: this.#restarts };
  }

  get family(): 4 | 6 | undefined {
    return this.#socket?.family;
  }

  /** Once. Resolves when the worker carries packets. */
  async begin(): Promise<void> {
    const worker = this.#start(trialMillis.first);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const late = () => reject(unsupported(`its worker says nothing for ${startMillis} ms`));
    const timer = this.#options.clock.timer(this.#options.clock.now() + startMillis, late);
    worker.once("message", () => resolve());
    worker.once("error", (error) => reject(unsupported(`its worker failed: ${messageOf(error)}`, error)));
    worker.once("exit", () => reject(unsupported("its worker has ended")));
    try {
      await promise;
    } finally {
      timer.cancel();
    }
    this.#watch(worker);
    void this.#readPunts();
  }

  takeSocket(socket: UnderlayDescriptor, receive: DatagramReceiver): boolean {
    if (this.#socket !== undefined || this.#isDisposed) return false;
    this.#socket = { ...socket, receive };
    this.#tellSocket();
    return true;
  }

  takeTap(descriptor: number, receiver: FrameReceiver): boolean {
    if (this.#tap !== undefined || this.#isDisposed) return false;
    this.#tap = { descriptor, receiver };
    this.#tellTap();
    return true;
  }

  async release(descriptor: number): Promise<void> {
    if (this.#socket?.descriptor === descriptor) this.#socket = undefined;
    else if (this.#tap?.descriptor === descriptor) this.#tap = undefined;
    else return;
    this.tell({ kind: "detach", descriptor });
    if (!await this.#control.settled(releaseMillis)) await this.#worker?.terminate();
  }

  tell(command: Command): boolean {
    return !this.#isDisposed && this.#control.tell(command);
  }

  onOpened(handler: (punt: PuntedPacket) => void): void {
    this.#opened = handler;
  }

  onRestart(handler: () => void): void {
    this.#restarted = handler;
  }

  /** Whoever has given a descriptor closes it after this, unless it was released before. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isDisposed) return;
    process.removeListener("exit", this.#atExit);
    const worker = this.#worker;
    this.#tellEnd();
    this.#isDisposed = true;
    if (worker !== undefined) await endOf(worker);
    Atomics.notify(this.#left.tail, 0);
    this.#control.close();
    this.#arena.bytes.fill(0);
    this.#foreign[Symbol.dispose]();
  }

  #start(millis: number): Worker {
    const { url, ffi, aead = "auto", clock } = this.#options;
    this.#startedAt = clock.now();
    const order: DatapathOrder = {
      kind: "datapath",
      memory: { ...this.memory, control: this.#control.memory },
      arena: this.#arena.address,
      wake: this.#control.wake,
      ffi,
      aead,
      trialMillis: millis,
    };
    const worker = new Worker(url, { workerData: order });
    worker.unref();
    worker.once("message", (facts: FoundFacts) => this.#facts = facts);
    worker.once("exit", () => this.#worker = undefined);
    this.#worker = worker;
    return worker;
  }

  /** From its first packet on, an end that nobody has asked for is followed by a new beginning. */
  #watch(worker: Worker): void {
    let reason: unknown;
    worker.once("error", (error) => {
      reason = error;
      // Deno's ends with its error.
      void worker.terminate();
    });
    worker.once("exit", (code) => {
      if (!this.#isDisposed) void this.#beginAnew(reason ?? `its worker ended with ${code}`);
    });
  }

  /** Nobody runs in the shared memory when this is called. */
  async #beginAnew(error: unknown): Promise<void> {
    const { log, clock } = this.#options;
    log.log("error", "The data path failed and begins anew", { error, count: ++this.#restarts });
    this.#cells.jumpCounters();
    this.#cells.reclaim();
    this.#arena.bytes.fill(0);
    this.#control.renew();
    this.#tellSocket();
    this.#tellTap();
    this.#restarted();
    const wait = this.#startedAt + restartMillis - clock.now();
    if (wait > 0) await setTimeout(wait);
    if (!this.#isDisposed) this.#watch(this.#start(trialMillis.again));
  }

  #tellSocket(): void {
    if (this.#socket === undefined) return;
    const { descriptor, family } = this.#socket;
    this.tell({ kind: "attach-socket", descriptor, family });
  }

  #tellTap(): void {
    if (this.#tap !== undefined) this.tell({ kind: "attach-tap", descriptor: this.#tap.descriptor });
  }

  #tellEnd(): void {
    this.tell({ kind: "stop" });
    this.#control.wakeNow();
  }

  async #readPunts(): Promise<void> {
    while (!this.#isDisposed) {
      if (this.#readSome()) {
        await setImmediate();
        continue;
      }
      const { async, value } = Atomics.waitAsync(this.#left.tail, 0, this.#left.seen);
      if (async) await value;
    }
  }

  /** True when there may be more. */
  #readSome(): boolean {
    for (let read = 0; read < mostPunts; read++) {
      const punt = this.#punts.next();
      if (punt === undefined) return false;
      try {
        this.#handle(punt);
      } catch (error) {
        this.#options.log.log("error", "What the data path has left could not be handled", { error });
      }
    }
    return true;
  }

  #handle(punt: Punt): void {
    switch (punt.kind) {
      case "opened":
        return this.#opened(punt);
      case "frame":
        return this.#tap?.receiver.frame(punt.bytes);
      case "tap-lost":
        return this.#tap?.receiver.lost();
      case "datagram": {
        const from = decodeSockaddr(punt.from, 0);
        if (from !== undefined) this.#socket?.receive(punt.bytes, from);
      }
    }
  }
}

/** Its own, or by force. */
async function endOf(worker: Worker): Promise<void> {
  worker.ref();
  const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  await Promise.race([ended, setTimeout(stopMillis, undefined, { ref: false })]);
  await worker.terminate();
}

function unsupported(why: string, cause?: unknown): MeshError {
  return new MeshError("UNSUPPORTED", `Cannot start the data path: ${why}`, { cause });
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
