/**
 * One worker of the data path from outside: starts it, hands it descriptors, reads what it leaves, and starts another one
 * when it fails. Its memory, its rings and its eventfd are its own, so that it fails alone.
 *
 * A worker that sits in a system call runs no event loop, so no message would reach it.
 */
import { setImmediate, setTimeout } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { UnderlayDescriptor } from "../contracts/datapath.ts";
import { MeshError } from "../contracts/errors.ts";
import type { Clock, Logger } from "../contracts/host.ts";
import type { AeadPreference } from "../datapath/aead_choice.ts";
import type { Arena } from "../datapath/arena.ts";
import type { Command } from "../datapath/control.ts";
import { arenaLength } from "../datapath/datapath_core.ts";
import { ringCapacity } from "../datapath/datapath_limits.ts";
import { type Punt, PuntReader } from "../datapath/punt.ts";
import { RingConsumer, ringMemory } from "../datapath/ring.ts";
import type { LastingMemory } from "../datapath/shared_memory.ts";
import type { Tell } from "../datapath/worker_link.ts";
import { DatapathControl } from "./datapath_control.ts";
import type { DatapathOrder, FoundFacts } from "./datapath_run.ts";
import type { Foreign, ForeignWay } from "./ffi/foreign.ts";
import type { PacketCalls } from "./ffi/packet_calls.ts";
import { mapArena } from "./ffi/system_arena.ts";

export interface LaneOptions {
  /** Module of the worker, see `datapathWorkerUrl`. */
  readonly url: URL;
  readonly clock: Clock;
  readonly log: Logger;
  /** How to call C libraries; the best way there is by default. */
  readonly ffi?: ForeignWay | undefined;
  readonly aead?: AeadPreference | undefined;
  /** Whether workers may ask for a real-time priority, see `realtime.ts`. */
  readonly realtime?: boolean | undefined;
}

export interface LaneParts {
  readonly foreign: Foreign;
  readonly calls: PacketCalls;
  readonly options: LaneOptions;
  readonly memory: LastingMemory;
  /** Number of the worker, from 0. */
  readonly worker: number;
  /** What the worker leaves to this thread. */
  handle(punt: Punt): void;
  /** The worker has ended, and nothing of it runs any more. */
  failed(error: unknown): void;
  /** The next one is told what it has to know. */
  restarted(tell: Tell): void;
}

/** Of what the worker leaves, per turn of the event loop: a flood of it must not keep all else waiting. */
const mostPunts = 64;
const startMillis = 20_000;
/** For each direction of each cipher that a worker tries which begins anew: it has less time than the first one. */
export const againMillis = 2;
/** One that fails at once, again and again, must not take the processor that the node needs to say so. */
const restartMillis = 500;
const releaseMillis = 2_000;
const stopMillis = 2_000;
/**
 * Of a worker's heap. It allocates while it starts and hardly ever after that, and what was in use at the start once would
 * stay: up to 16 MiB.
 */
const youngMebibytes = 2;
const isDeno = "Deno" in globalThis;

export class DatapathLane {
  readonly #parts: LaneParts;
  readonly #arena: Arena;
  readonly #control: DatapathControl;
  readonly #memory = ringMemory(ringCapacity.punts);
  readonly #left = new RingConsumer(this.#memory);
  readonly #punts = new PuntReader(this.#left);
  #worker: Worker | undefined;
  #startedAt = -Infinity;
  /** Aborted at the end: nothing begins anew after it. */
  readonly #ending = new AbortController();
  #socket: UnderlayDescriptor | undefined;
  #tap: number | undefined;

  /** Throws `UNSUPPORTED`. */
  constructor(parts: LaneParts) {
    this.#parts = parts;
    this.#arena = mapArena(parts.foreign, arenaLength);
    this.#control = new DatapathControl(parts.foreign, parts.calls);
  }

  /**
   * Once. Resolves with what the worker found when it carries packets; `millis` are for each direction of each cipher that it
   * tries. Rejects `UNSUPPORTED`.
   */
  async begin(millis: number): Promise<FoundFacts> {
    const { clock } = this.#parts.options;
    const worker = this.#startFirst(millis);
    const { promise, resolve, reject } = Promise.withResolvers<FoundFacts>();
    const late = () => reject(unsupported(`its worker says nothing for ${startMillis} ms`));
    const timer = clock.timer(clock.now() + startMillis, late);
    worker.once("message", resolve);
    worker.once("error", (error) => reject(unsupported(`its worker failed: ${messageOf(error)}`, error)));
    worker.once("exit", () => reject(unsupported("its worker has ended")));
    const facts = await promise.finally(() => timer.cancel());
    this.#watch(worker);
    void this.#readPunts();
    return facts;
  }

  /** False for a command that is too long for any ring, and after the end. */
  tell(command: Command): boolean {
    return !this.#isEnding && this.#control.tell(command);
  }

  attachSocket(socket: UnderlayDescriptor): void {
    this.#socket = socket;
    this.#tellDescriptors();
  }

  attachTap(tap: number): void {
    this.#tap = tap;
    this.#tellDescriptors();
  }

  /** Resolves with its descriptor when the worker does not use it any more; undefined when it had none. */
  detachSocket(): Promise<number | undefined> {
    const descriptor = this.#socket?.descriptor;
    this.#socket = undefined;
    return this.#detached(descriptor);
  }

  detachTap(): Promise<number | undefined> {
    const descriptor = this.#tap;
    this.#tap = undefined;
    return this.#detached(descriptor);
  }

  /** Share of the queue to this thread that waits, 0 to 1. */
  get backlog(): number {
    return this.#left.filling;
  }

  /** At once, for the end of the process as well. */
  tellEnd(): void {
    this.tell({ kind: "stop" });
    if (!this.#isEnding) this.#control.wakeNow();
  }

  /** Once. Resolves when the worker has ended. */
  async end(): Promise<void> {
    const worker = this.#worker;
    this.tellEnd();
    this.#ending.abort();
    // A turn at least: what was told wakes the eventfd at the end of this one.
    await (worker === undefined ? undefined : endOf(worker));
    Atomics.notify(this.#left.tail, 0);
    this.#control.close();
    this.#arena.bytes.fill(0);
  }

  get #isEnding(): boolean {
    return this.#ending.signal.aborted;
  }

  /** Node refuses at once where a program may start no threads. */
  #startFirst(millis: number): Worker {
    try {
      return this.#start(millis);
    } catch (error) {
      throw unsupported(`no worker can be started: ${messageOf(error)}`, error);
    }
  }

  #start(millis: number): Worker {
    const { options: { url, ffi, aead = "auto", realtime = false, clock }, memory, worker: number } =
      this.#parts;
    this.#startedAt = clock.now();
    const order: DatapathOrder = {
      kind: "datapath",
      memory: { ...memory, control: this.#control.memory, punts: this.#memory },
      worker: number,
      arena: this.#arena.address,
      wake: this.#control.wake,
      ffi,
      aead,
      realtime,
      trialMillis: millis,
    };
    const resourceLimits = { maxYoungGenerationSizeMb: youngMebibytes };
    const worker = new Worker(url, { workerData: order, resourceLimits });
    worker.unref();
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
      void this.#goOn(reason ?? `its worker ended with ${code}`);
    });
  }

  /** Until one runs. What cannot begin now, for want of memory or threads perhaps, can later; the node must outlive it. */
  async #goOn(reason: unknown): Promise<void> {
    for (let error = reason; !this.#isEnding;) {
      try {
        return await this.#beginAnew(error);
      } catch (next) {
        error = next;
      }
      await elapsed(restartMillis, this.#ending.signal);
    }
  }

  async #beginAnew(error: unknown): Promise<void> {
    const { options: { clock }, failed, restarted } = this.#parts;
    failed(error);
    // What it had left was perhaps not announced.
    Atomics.notify(this.#left.tail, 0);
    this.#arena.bytes.fill(0);
    this.#control.renew();
    restarted((command) => this.tell(command));
    // Last: what it reads before it knows a session is that session's no more.
    this.#tellDescriptors();
    const wait = this.#startedAt + restartMillis - clock.now();
    if (wait > 0) await elapsed(wait, this.#ending.signal);
    if (!this.#isEnding) this.#watch(this.#start(againMillis));
  }

  /** To be told of one again changes nothing. */
  #tellDescriptors(): void {
    if (this.#socket !== undefined) {
      const { descriptor, family } = this.#socket;
      this.tell({ kind: "attach-socket", descriptor, family });
    }
    if (this.#tap !== undefined) this.tell({ kind: "attach-tap", descriptor: this.#tap });
  }

  async #detached(descriptor: number | undefined): Promise<number | undefined> {
    if (descriptor === undefined) return undefined;
    this.tell({ kind: "detach", descriptor });
    if (!this.#isEnding && !await this.#control.settled(releaseMillis)) await this.#endStuck();
    return descriptor;
  }

  /**
   * The next one begins when this one has ended: of two in one arena each would send what the other is about to seal. Deno
   * ends no thread that never comes back to its event loop, but says at once that it has. There only one that ends by itself
   * is followed by another.
   */
  async #endStuck(): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) return;
    const { options: { log }, worker: number } = this.#parts;
    log.log("error", "The data path does not answer and is ended", { worker: number });
    this.tell({ kind: "stop" });
    await exitOf(worker);
    if (!isDeno) await worker.terminate();
  }

  async #readPunts(): Promise<void> {
    while (!this.#isEnding) {
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
    const { options: { log }, handle } = this.#parts;
    for (let read = 0; read < mostPunts; read++) {
      const punt = this.#punts.next();
      if (punt === undefined) return false;
      try {
        handle(punt);
      } catch (error) {
        log.log("error", "What the data path has left could not be handled", { error });
      }
    }
    return true;
  }
}

/** Its own, or by force. */
async function endOf(worker: Worker): Promise<void> {
  worker.ref();
  await exitOf(worker);
  await worker.terminate();
}

/** Resolves when it has ended, or has had the time for it. */
async function exitOf(worker: Worker): Promise<void> {
  const ended = new AbortController();
  worker.once("exit", () => ended.abort());
  await elapsed(stopMillis, ended.signal);
}

/** Resolves when the time is over, or `signal` says not to wait any more. */
function elapsed(millis: number, signal: AbortSignal): Promise<void> {
  return setTimeout(millis, undefined, { signal }).catch(() => {});
}

function unsupported(why: string, cause?: unknown): MeshError {
  return new MeshError("UNSUPPORTED", `Cannot start the data path: ${why}`, { cause });
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
