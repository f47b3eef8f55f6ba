/** Runs one program and passes its output on as it comes. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { ROOT } from "../rules/source_files.ts";
import type { Command } from "./steps.ts";

export interface Finished {
  /** Why it failed, undefined when it ended with exit code 0. */
  readonly failure: string | undefined;
  /** All it wrote to its standard output. */
  readonly output: string;
}

/** Longer than any step should take on two slow cores; a hang must not hold a CI machine for a day. */
const LIMIT_MINUTES = 20;

/** Where output goes, piece by piece. */
export interface Screen {
  out(text: string): void;
  error(text: string): void;
}

export const terminal: Screen = {
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
};

/** Keeps what is written until it is shown. */
export class HeldScreen implements Screen {
  readonly #texts: string[] = [];

  out(text: string): void {
    this.#texts.push(text);
  }

  error(text: string): void {
    this.#texts.push(text);
  }

  show(): void {
    for (const text of this.#texts) terminal.out(text);
  }
}

const running = new Set<ChildProcess>();

export async function runCommand([program, ...args]: Command, screen = terminal): Promise<Finished> {
  // A group of its own, so that a program that outlives its parent can still be ended.
  const child = spawn(program, args, {
    cwd: ROOT,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: environment(),
  });
  running.add(child);
  const chunks: string[] = [];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    chunks.push(text);
    screen.out(text);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => screen.error(text));
  let late = false;
  const limit = setTimeout(() => {
    late = true;
    endGroup(child, "SIGKILL");
  }, LIMIT_MINUTES * 60_000);
  try {
    const [code, signal] = await once(child, "close") as [number | null, string | null];
    if (late) return { failure: `not done after ${LIMIT_MINUTES} minutes`, output: chunks.join("") };
    const failure = code === 0 ? undefined : signal === null ? `exit code ${code}` : `ended by ${signal}`;
    return { failure, output: chunks.join("") };
  } catch (error) {
    return { failure: `cannot start ${program}: ${(error as Error).message}`, output: "" };
  } finally {
    clearTimeout(limit);
    running.delete(child);
  }
}

/** Ends all that runs now, for a user who interrupts the whole. */
export function endRunning(signal: NodeJS.Signals): void {
  for (const child of running) endGroup(child, signal);
}

function endGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // ESRCH: it ended by itself in the meantime.
  }
}

/** Programs see a pipe instead of the terminal, so whether to use colours is told to them. */
function environment(): NodeJS.ProcessEnv {
  const { NO_COLOR, FORCE_COLOR, ...inherited } = process.env;
  // What programs that tests start have in common is compiled once.
  const cache = process.env["NODE_COMPILE_CACHE"] ?? `${ROOT}node_modules/.cache/node`;
  const colours = NO_COLOR === undefined && (FORCE_COLOR !== undefined || process.stdout.isTTY);
  const path = `${ROOT}node_modules/.bin:${process.env["PATH"] ?? ""}`;
  return {
    ...inherited,
    PATH: path,
    NODE_COMPILE_CACHE: cache,
    ...(colours ? { FORCE_COLOR: FORCE_COLOR ?? "1" } : { NO_COLOR: "1" }),
  };
}
