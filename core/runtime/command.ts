/**
 * Other programs of the machine, run to their end: bounded in time and in what they may print.
 *
 * A program and all that it starts is one process group, which is killed as a whole: a shell that dies alone would
 * leave its children at work on what the caller is about to undo. It also keeps the interrupt key of a terminal from
 * ending a change half-way.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import type { Readable } from "node:stream";
import process from "node:process";
import { MeshError } from "../contracts/errors.ts";
import type { Millis } from "../contracts/values.ts";

export interface Command {
  /** Name, looked up in PATH and where programs of administrators are, or a path. */
  readonly program: string;
  readonly args: readonly string[];
  /** Standard input, nothing by default. On Node it is a socket, so a program cannot open it as `/dev/stdin`. */
  readonly input?: string;
  /** Longest run, 10 s by default. */
  readonly timeout?: Millis;
  /** Most bytes of standard output and of standard error each, 4 MiB by default. */
  readonly outputLimit?: number;
}

export interface CommandResult {
  /** Exit code; 128 and the signal's number when one ended it, as shells say. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const defaultTimeout = 10_000;
const defaultOutputLimit = 4 * 1024 * 1024;

/** Where `ip` and `nft` are for a user whose PATH has only what everybody may run. */
const administratorPaths = "/usr/local/sbin:/usr/sbin:/sbin";

/**
 * Runs a program; any exit code resolves. Rejects `UNSUPPORTED` when there is no such program, `TIMEOUT`, `INTERNAL` when
 * it prints more than the limit or cannot be started, and with the signal's reason. The program is gone when the promise
 * settles.
 */
export async function runCommand(command: Command, signal?: AbortSignal): Promise<CommandResult> {
  signal?.throwIfAborted();
  const child = spawn(command.program, [...command.args], {
    stdio: [command.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    env: environment(),
    detached: true,
  });
  return await new Run(command, child, signal).result();
}

/** Messages in English, for callers that read them; nothing else of this process, whose environment may hold secrets. */
function environment(): NodeJS.ProcessEnv {
  const path = process.env["PATH"];
  return { LC_ALL: "C", PATH: path ? `${path}:${administratorPaths}` : administratorPaths };
}

/** One child process, from start to end. */
class Run {
  readonly #command: Command;
  readonly #child: ChildProcess;
  readonly #signal: AbortSignal | undefined;
  #failure: unknown;

  constructor(command: Command, child: ChildProcess, signal: AbortSignal | undefined) {
    this.#command = command;
    this.#child = child;
    this.#signal = signal;
  }

  async result(): Promise<CommandResult> {
    const abort = () => this.#fail(this.#signal?.reason);
    const timer = setTimeout(() => this.#fail(this.#tooLate()), this.#command.timeout ?? defaultTimeout);
    this.#signal?.addEventListener("abort", abort, { once: true });
    try {
      const [stdout, stderr] = [this.#collect(this.#child.stdout), this.#collect(this.#child.stderr)];
      this.#feed();
      const code = await this.#ended();
      if (this.#failure !== undefined) throw this.#failure;
      return { code, stdout: stdout(), stderr: stderr() };
    } finally {
      clearTimeout(timer);
      this.#signal?.removeEventListener("abort", abort);
    }
  }

  /** A program that ends without reading closes the pipe: its exit code says more than that. */
  #feed(): void {
    this.#child.stdin?.on("error", () => {});
    this.#child.stdin?.end(this.#command.input);
  }

  #ended(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#child.once("error", (error) => reject(this.#notStarted(error)));
      this.#child.once("close", (code, name) => resolve(code ?? 128 + constants.signals[name!]));
    });
  }

  /** Where no descriptor is free there are no streams, and the event `error` is yet to come. */
  #collect(stream: Readable | null | undefined): () => string {
    const chunks: Uint8Array[] = [];
    const limit = this.#command.outputLimit ?? defaultOutputLimit;
    let length = 0;
    stream?.on("data", (chunk: Uint8Array) => {
      length += chunk.length;
      if (length <= limit) return void chunks.push(chunk);
      this.#fail(
        new MeshError("INTERNAL", `Cannot run ${this.#command.program}: it prints over ${limit} bytes`),
      );
    });
    return () => new TextDecoder().decode(joined(chunks));
  }

  /** The first reason counts. */
  #fail(reason: unknown): void {
    this.#failure ??= reason;
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // Ended by itself in the meantime.
    }
    // What has left the group may hold them open for as long as it lives.
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
  }

  #tooLate(): MeshError {
    const { program, timeout = defaultTimeout } = this.#command;
    return new MeshError(
      "TIMEOUT",
      `Cannot wait for ${program}: it did not end in ${timeout} ms and was killed`,
    );
  }

  #notStarted(error: Error & { code?: string }): unknown {
    const { program } = this.#command;
    const details = { program };
    if (error.code !== "ENOENT") {
      const advice = "see whether processes, memory or open files have run out";
      return new MeshError("INTERNAL", `Cannot run ${program}: ${error.message}; ${advice}`, {
        details,
        cause: error,
      });
    }
    return new MeshError("UNSUPPORTED", `Cannot run ${program}: there is no such program; install it`, {
      details,
    });
  }
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}
