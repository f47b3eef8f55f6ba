/** An engine's own process: started in the network of a host, ready when it answers, ended by its id. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import type { Namespace } from "../../../examples/lab/namespace.ts";
import { environment } from "./engine.ts";

const readyMillis = 30_000;
const endMillis = 20_000;
const logLines = 20;

export class Daemon implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #logFile: string;

  private constructor(child: ChildProcess, logFile: string) {
    this.#child = child;
    this.#logFile = logFile;
  }

  /** Resolves when `answers` does. Rejects with the end of its log when it ends before or takes too long. */
  static async start(
    host: Namespace,
    words: readonly [string, ...string[]],
    { logFile, answers }: { readonly logFile: string; readonly answers: () => boolean },
  ): Promise<Daemon> {
    const [program, ...args] = host.command(...words);
    const log = openSync(logFile, "w");
    const child = spawn(program, args, { stdio: ["ignore", log, log], env: environment() });
    closeSync(log); // The child has its own.
    const daemon = new Daemon(child, logFile);
    const late = Date.now() + readyMillis;
    while (!answers()) {
      if (daemon.#isOver || Date.now() > late) {
        await daemon[Symbol.asyncDispose]();
        throw new Error(`${words[0]} does not answer:\n${daemon.#lastWords()}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return daemon;
  }

  /** What `make` makes, which then ends the daemon. When it throws, the daemon ends at once. */
  async orEnd<T>(make: () => T): Promise<T> {
    try {
      return make();
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOver) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), endMillis);
    await ended;
    clearTimeout(timer);
  }

  get #isOver(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  #lastWords(): string {
    return readFileSync(this.#logFile, "utf8").split("\n").slice(-logLines).join("\n");
  }
}
