/** The world as a command sees it: handed in, so that tests can run commands without a process. */
import process from "node:process";
import type { Clock } from "../core/contracts/host.ts";
import { systemClock } from "../core/runtime/clock.ts";

export interface Io {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Data only. */
  out(text: string): void;
  /** Words: progress, warnings, errors. */
  say(text: string): void;
  /** All of standard input. */
  read(): Promise<string>;
  /** One line of an answer; only where {@link interactive}. */
  ask(question: string): Promise<string>;
  /**
   * Calls the handler with every key until the function that it returns is called; Ctrl-C is a key then (`\u0003`). Where
   * input is no terminal, there are no keys.
   */
  keys(handler: (key: string) => void): () => void;
  /** True when standard output is a terminal that wants colours. */
  readonly colours: boolean;
  /** True when a person can be asked. */
  readonly interactive: boolean;
  /** Aborts on Ctrl-C and SIGTERM. */
  readonly interrupted: AbortSignal;
  /** True for the superuser: default paths differ. */
  readonly privileged: boolean;
  readonly clock: Clock;
  /** Program and first arguments that start this program again, in the same runtime. */
  readonly program: readonly [string, ...string[]];
}

/** This process. A second signal while stopping ends it at once. */
export function processIo(): Io {
  const { stdout, stderr, stdin, env } = process;
  // `selvage status | head -1` closes the pipe early, which is no failure of ours.
  stdout.on("error", () => process.exit(0));
  return {
    environment: env,
    out: (line) => void stdout.write(line),
    say: (line) => void stderr.write(line),
    read: async () => (await import("node:stream/consumers")).text(stdin),
    ask,
    keys,
    colours: wantsColours(stdout.isTTY === true, env),
    interactive: stdin.isTTY === true && stderr.isTTY === true,
    interrupted: signals(),
    privileged: process.getuid?.() === 0,
    clock: systemClock(),
    program: ownProgram(),
  };
}

/** https://no-color.org, and its opposite. */
export function wantsColours(isTerminal: boolean, environment: Io["environment"]): boolean {
  if (environment["NO_COLOR"]) return false;
  return isTerminal || Boolean(environment["FORCE_COLOR"] && environment["FORCE_COLOR"] !== "0");
}

function signals(): AbortSignal {
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (interrupted.signal.aborted) process.exit(130);
      interrupted.abort(signal);
    });
  }
  return interrupted.signal;
}

async function ask(question: string): Promise<string> {
  const { createInterface } = await import("node:readline/promises");
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await lines.question(question);
  } finally {
    lines.close();
  }
}

function keys(handler: (key: string) => void): () => void {
  const { stdin } = process;
  if (!stdin.isTTY) return () => {};
  const heard = (bytes: Uint8Array) => [...new TextDecoder().decode(bytes)].forEach(handler);
  stdin.setRawMode(true);
  stdin.on("data", heard);
  return () => {
    stdin.off("data", heard);
    stdin.setRawMode(false);
    stdin.pause();
  };
}

/** Node repeats its own flags (`-C source` in a checkout); Deno tells nobody its flags, and a node needs all of these. */
function ownProgram(): [string, ...string[]] {
  const { execPath, execArgv, argv, versions } = process;
  const flags = versions["deno"] === undefined ? execArgv : ["run", "-A", "--unstable-net"];
  return [execPath, ...flags, argv[1]!];
}
