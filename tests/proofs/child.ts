/**
 * One proof in a process of its own, so that what eats memory or never ends is seen from outside. Takes an
 * {@link Order} as JSON and writes a line of JSON for each chunk, then one that tells how it ended.
 */
import process from "node:process";
import { encodeHex } from "../../core/wire/hex.ts";
import { Fault, type Figures } from "./proof.ts";
import { proofNamed } from "./registry.ts";

export interface Order {
  readonly name: string;
  readonly seed: number;
  /** Index of the first chunk. */
  readonly from: number;
  readonly units: number;
  /** No chunk is begun after so much time. */
  readonly seconds: number;
}

export type Line =
  | { readonly type: "chunk"; readonly index: number; readonly units: number; readonly figures: Figures }
  | { readonly type: "end" }
  | {
    readonly type: "fault";
    readonly index: number;
    readonly message: string;
    readonly target?: string;
    /** Hex. */
    readonly input?: string;
  };

const order = JSON.parse(process.argv[2] ?? "{}") as Order;
await work(order);
// Targets may leave timers or sockets behind; what was found is written by now.
process.stdout.write("", () => process.exit(0));

async function work({ name, seed, from, units, seconds }: Order): Promise<void> {
  const proof = proofNamed(name);
  if (proof === undefined) throw new Error(`there is no proof called ${name}`);
  const deadline = performance.now() + 1000 * seconds;
  let index = from;
  try {
    const run = await proof.load();
    for (let left = units; left > 0 && performance.now() < deadline; index++) {
      const count = Math.min(proof.chunkSize, left);
      const figures = await run({ seed, index, count });
      left -= count;
      const peaks = { ...figures.peaks, "heap MiB": heapMib() };
      write({ type: "chunk", index, units: count, figures: { ...figures, peaks } });
    }
    write({ type: "end" });
  } catch (error) {
    write({ type: "fault", index, ...described(error) });
  }
}

function described(error: unknown) {
  if (!(error instanceof Error)) return { message: String(error) };
  if (!(error instanceof Fault)) return { message: error.stack ?? error.message };
  return { message: error.message, target: error.target, input: encodeHex(error.input) };
}

/** What is alive after a collection of garbage. */
function heapMib(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return Math.round(process.memoryUsage().heapUsed / 2 ** 20);
}

function write(line: Line): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
