/** Starts a proof in a process of its own, on either runtime, and follows it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import { decodeHex } from "../../core/wire/hex.ts";
import { ROOT } from "../rules/source_files.ts";
import type { Line, Order } from "./child.ts";
import { addFigures, type Figures, type Proof } from "./proof.ts";

export type Runtime = "node" | "deno";

export interface Job extends Omit<Order, "name"> {
  readonly proof: Proof;
  readonly runtime: Runtime;
}

export interface Reached {
  readonly units: number;
  /** The next chunk to run. */
  readonly next: number;
  readonly seconds: number;
  readonly figures: Figures;
}

export interface Finding {
  readonly message: string;
  readonly chunk: number;
  readonly target?: string | undefined;
  readonly input?: Uint8Array | undefined;
}

export interface Ran extends Reached {
  readonly finding: Finding | undefined;
}

/** Beyond what was granted: starting, and the chunk in hand. Who is not done then hangs. */
const graceSeconds = 60;
const heapLimit = "--max-old-space-size=1024";

/** Runs until the job is done or its time is over; `report` is called after every chunk. */
export async function runJob(job: Job, report: (reached: Reached) => void): Promise<Ran> {
  const { proof, runtime, seed, from, units, seconds } = job;
  const order: Order = { name: proof.name, seed, from, units, seconds };
  const [program, ...args] = commandOf(runtime);
  const child = spawn(program, [...args, JSON.stringify(order)], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const start = performance.now();
  let reached: Reached = { units: 0, next: from, seconds: 0, figures: {} };
  let last: Line | undefined;
  createInterface({ input: child.stdout }).on("line", (text) => {
    last = JSON.parse(text) as Line;
    if (last.type !== "chunk") return;
    reached = {
      units: reached.units + last.units,
      next: last.index + 1,
      seconds: (performance.now() - start) / 1000,
      figures: addFigures(reached.figures, last.figures),
    };
    report(reached);
  });
  const limit = setTimeout(() => child.kill("SIGKILL"), 1000 * (seconds + graceSeconds));
  const stop = () => child.kill("SIGKILL");
  process.once("exit", stop);
  const [code, signal] = await once(child, "close") as [number | null, string | null];
  clearTimeout(limit);
  process.removeListener("exit", stop);
  return {
    ...reached,
    seconds: (performance.now() - start) / 1000,
    finding: findingOf(last, reached.next, code ?? signal),
  };
}

function findingOf(last: Line | undefined, chunk: number, how: number | string | null): Finding | undefined {
  if (last?.type === "end") return undefined;
  if (last?.type !== "fault") return { message: `its process ended (${how}) within chunk ${chunk}`, chunk };
  const { message, index, target, input } = last;
  return { message, chunk: index, target, input: input === undefined ? undefined : decodeHex(input) };
}

function commandOf(runtime: Runtime): readonly [string, ...string[]] {
  if (runtime === "node") {
    return [process.execPath, "-C", "source", "--expose-gc", heapLimit, "tests/proofs/child.ts"];
  }
  const flags = `--v8-flags=--expose-gc,${heapLimit}`;
  return [
    `${ROOT}node_modules/.bin/deno`,
    "run",
    "-A",
    "--no-check",
    "--quiet",
    flags,
    "tests/proofs/child.ts",
  ];
}
