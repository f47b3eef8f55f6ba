/**
 * Runs targets on mutated inputs and holds every input against three promises: nothing is thrown that was not planned
 * for, no input takes more than {@link slowMillis} each time that it is looked at, none makes the decoder take memory out
 * of all proportion. And the input is left as it was.
 *
 * Looking at the clock and the heap around each input would cost more than most decoders do, so a batch is measured,
 * and only where one stands out are its inputs run again one by one. Batches shrink where they stand out for nothing.
 */
import { Buffer } from "node:buffer";
import process from "node:process";
import { SimRandom } from "../../sim/random.ts";
import { type Chunk, Fault, type Figures } from "../proof.ts";
import { Mutator } from "./mutator.ts";
import { shrink } from "./shrink.ts";
import { defaultMaxBytes, type FuzzTarget } from "./target.ts";

export const slowMillis = 10;
/** What an input may make a decoder allocate: room for a few tables and texts, and some objects for each byte. */
const memoryBase = 1024 * 1024;
const memoryPerByte = 256;
/** Inputs that are made at a time; part of what a chunk is, so it never adapts. */
const blockInputs = 256;
const warmUpRuns = 32;
const reruns = 4;

function memoryLimit(target: FuzzTarget, inputBytes: number): number {
  return memoryBase + (target.garbageBytes ?? 0) + memoryPerByte * inputBytes;
}

/** Runs the chunk's share of inputs on one of the targets: they take turns, chunk by chunk. */
export async function fuzzChunk(targets: readonly FuzzTarget[], chunk: Chunk): Promise<Figures> {
  const target = targets[chunk.index % targets.length]!;
  const run = new FuzzRun(target, new SimRandom(Math.imul(chunk.seed, 0x9e37_79b1) ^ chunk.index));
  try {
    await run.warmUp();
    for (let left = chunk.count; left > 0; left -= blockInputs) await run.block(Math.min(left, blockInputs));
  } catch (error) {
    throw error instanceof Fault ? shortened(error, target) : error;
  }
  return run.figures();
}

/** With the shortest input found that still throws; one that was slow or rejected later stays as it is. */
function shortened(fault: Fault, target: FuzzTarget): Fault {
  const throws = (input: Uint8Array) => {
    try {
      const pending = target.run(new Uint8Array(input));
      if (pending instanceof Promise) pending.catch(() => {});
      return false;
    } catch {
      return true;
    }
  };
  return throws(fault.input)
    ? new Fault(target.name, shrink(fault.input, throws), fault.what, fault.cause)
    : fault;
}

class FuzzRun {
  readonly #target: FuzzTarget;
  readonly #random: SimRandom;
  readonly #mutator: Mutator;
  readonly #maxBytes: number;
  /** The inputs as they were made, and as the target gets them. */
  readonly #made: Uint8Array;
  readonly #given: Uint8Array;
  readonly #ends = new Uint32Array(blockInputs);
  #batch = 32;
  #quiet = 0;
  #accepted = 0;
  #reruns = 0;

  constructor(target: FuzzTarget, random: SimRandom) {
    this.#target = target;
    this.#random = random;
    this.#mutator = new Mutator(random, target.seeds ?? [], target.words ?? []);
    this.#maxBytes = target.maxBytes ?? defaultMaxBytes;
    this.#made = new Uint8Array(blockInputs * this.#maxBytes);
    this.#given = new Uint8Array(this.#made.length);
  }

  figures(): Figures {
    return { sums: { accepted: this.#accepted, "looked at twice": this.#reruns } };
  }

  /** Runs the seeds as they are, so that the first inputs are not slow for what every program is slow for. */
  async warmUp(): Promise<void> {
    const seeds = this.#target.seeds ?? [];
    for (let i = 0; i < warmUpRuns && seeds.length > 0; i++) {
      const pending = this.#runOne(new Uint8Array(seeds[i % seeds.length]!));
      if (typeof pending === "object") await pending;
    }
  }

  async block(count: number): Promise<void> {
    const end = this.#fill(count);
    this.#given.set(this.#made.subarray(0, end));
    for (let from = 0; from < count;) {
      const to = Math.min(count, from + this.#batch);
      await this.#runBatch(from, to);
      from = to;
    }
    if (Buffer.compare(this.#made.subarray(0, end), this.#given.subarray(0, end)) !== 0) {
      this.#blameChanged(count);
    }
  }

  #fill(count: number): number {
    let end = 0;
    for (let i = 0; i < count; i++) {
      const length = this.#mutator.make(this.#made.subarray(end, end + this.#maxBytes));
      const input = this.#made.subarray(end, end + length);
      if (this.#target.mend !== undefined && this.#random.below(2) === 0) this.#target.mend(input);
      this.#ends[i] = end += length;
    }
    return end;
  }

  #input(index: number, source = this.#given): Uint8Array {
    return source.subarray(index === 0 ? 0 : this.#ends[index - 1], this.#ends[index]);
  }

  async #runBatch(from: number, to: number): Promise<void> {
    const heap = heapBytes();
    const busy = process.cpuUsage();
    for (let i = from; i < to; i++) {
      const input = this.#input(i);
      const pending = this.#runOne(input);
      const taken = typeof pending === "object" ? await pending : pending;
      if (taken !== true) continue;
      this.#accepted++;
      if (input.length > 0) this.#mutator.keep(this.#input(i, this.#made));
    }
    const millis = busyMillisSince(busy);
    const length = this.#ends[to - 1]! - (from === 0 ? 0 : this.#ends[from - 1]!);
    const isHeavy = heapBytes() - heap > memoryLimit(this.#target, length / (to - from));
    this.#adapt(millis > slowMillis || isHeavy);
    if (millis > slowMillis || isHeavy) await this.#lookCloser(from, to);
  }

  #runOne(input: Uint8Array): boolean | void | Promise<boolean | void> {
    try {
      const taken = this.#target.run(input);
      return taken instanceof Promise ? taken.catch((error) => this.#blame(input, error)) : taken;
    } catch (error) {
      this.#blame(input, error);
    }
  }

  #blame(input: Uint8Array, error: unknown): never {
    const text = error instanceof Error ? error.stack ?? error.message : String(error);
    throw new Fault(this.#target.name, new Uint8Array(input), text, error);
  }

  #adapt(stoodOut: boolean): void {
    this.#quiet = stoodOut ? 0 : this.#quiet + 1;
    if (stoodOut) this.#batch = Math.max(4, this.#batch >>> 1);
    if (this.#quiet < 64) return;
    this.#quiet = 0;
    this.#batch = Math.min(blockInputs, this.#batch * 2);
  }

  async #lookCloser(from: number, to: number): Promise<void> {
    for (let i = from; i < to; i++) {
      const input = this.#input(i, this.#made);
      const cost = await costOf(this.#target, input);
      this.#reruns++;
      const fault = await faultOf(this.#target, input, cost);
      if (fault !== undefined) throw new Fault(this.#target.name, new Uint8Array(input), fault);
    }
  }

  #blameChanged(count: number): never {
    for (let i = 0; i < count; i++) {
      const made = this.#input(i, this.#made);
      if (Buffer.compare(made, this.#input(i)) !== 0) {
        throw new Fault(this.#target.name, new Uint8Array(made), "it changed its input");
      }
    }
    throw new Error("a block of inputs changed, but none of its inputs did");
  }
}

export interface Cost {
  readonly millis: number;
  readonly bytes: number;
}

/** What one input takes. A collection of garbage in between hides bytes, never adds any. */
export async function costOf(target: FuzzTarget, input: Uint8Array): Promise<Cost> {
  const heap = heapBytes();
  const busy = process.cpuUsage();
  const pending = target.run(input);
  if (pending instanceof Promise) await pending;
  return { millis: busyMillisSince(busy), bytes: heapBytes() - heap };
}

/**
 * What is wrong with a `cost`, if it is the same each time that the input is run again: a machine that does other things
 * is slow now and then, an input is slow always.
 */
export async function faultOf(
  target: FuzzTarget,
  input: Uint8Array,
  cost: Cost,
  allowedMillis = slowMillis,
): Promise<string | undefined> {
  const limit = memoryLimit(target, input.length);
  let { millis, bytes } = cost;
  for (let i = 0; i < reruns && (millis > allowedMillis || bytes > limit); i++) {
    const again = await costOf(target, input);
    millis = Math.min(millis, again.millis);
    bytes = Math.min(bytes, again.bytes);
  }
  if (millis > allowedMillis) {
    return `took ${millis.toFixed(1)} ms and more each time, ${allowedMillis} are allowed`;
  }
  if (bytes <= limit) return undefined;
  return `took ${bytes} bytes of memory for ${input.length} bytes of input, ${limit} are allowed`;
}

/** Time of the processor and not of the wall: on a busy machine any input is slow by the wall now and then. */
function busyMillisSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function heapBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
