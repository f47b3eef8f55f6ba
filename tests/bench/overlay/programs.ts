/** Programs that a measurement has started. Every one is known by its process, bounded in time, and ended in the end. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";

export type Words = readonly [string, ...string[]];

/** Characters of what daemons printed, from the end: enough for why one of them could not. */
const kept = 2000;

/** Longer than a daemon needs to take its interface down. */
const graceMillis = 2000;

type Environment = Readonly<Record<string, string>>;

export class Programs implements AsyncDisposable {
  readonly signal: AbortSignal;
  readonly #running = new Set<ChildProcess>();
  #said = "";

  constructor(signal: AbortSignal) {
    this.signal = signal;
  }

  /** Starts what stays in the foreground until the end. */
  daemon(words: Words, environment?: Environment): void {
    const child = this.#spawn(words, environment);
    const keep = (text: string) => this.#said = (this.#said + text).slice(-kept);
    for (const stream of [child.stdout!, child.stderr!]) stream.setEncoding("utf8").on("data", keep);
    child.once("close", (code, by) => keep(`${words.at(-1)} ended with ${code ?? by}\n`));
  }

  /** The last that daemons printed. */
  get said(): string {
    return this.#said.trim();
  }

  /** What a program printed that has ended well within the time. Rejects with what it complained of. */
  async run(words: Words, seconds: number): Promise<string> {
    this.signal.throwIfAborted();
    const child = this.#spawn(words);
    const late = setTimeout(() => child.kill("SIGKILL"), seconds * 1000);
    let [out, complaint] = ["", ""];
    child.stdout!.setEncoding("utf8").on("data", (text: string) => out += text);
    child.stderr!.setEncoding("utf8").on("data", (text: string) => complaint += text);
    try {
      const [code, by] = await once(child, "close") as [number | null, string | null];
      this.signal.throwIfAborted();
      if (code === 0) return out;
      const why = by === null ? `ended with ${code}` : `was ended by ${by}, ${seconds} s at most`;
      throw new Error(`${words.join(" ")} ${why}: ${complaint.trim() || out.trim().slice(-300)}`);
    } finally {
      clearTimeout(late);
    }
  }

  /** Starts what serves one client; it is ended by the disposer of the result if it has not ended by itself. */
  serve(words: Words): AsyncDisposable {
    const child = this.#spawn(words);
    child.stdout!.resume();
    child.stderr!.resume();
    return { [Symbol.asyncDispose]: () => end(child) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#running].map(end));
  }

  #spawn([program, ...args]: Words, environment: Environment = {}): ChildProcess {
    // Detached: Ctrl-C in a terminal reaches the benchmark alone, which then ends the programs in good order.
    const child = spawn(program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
      env: { ...process.env, ...environment },
    });
    const abort = () => void child.kill("SIGTERM");
    this.signal.addEventListener("abort", abort);
    this.#running.add(child);
    child.once("close", () => {
      this.signal.removeEventListener("abort", abort);
      this.#running.delete(child);
    });
    // Without a listener a program that is not there would end the benchmark; `close` follows in any case.
    child.once("error", () => {});
    return child;
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, "close");
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), graceMillis);
  await closed;
  clearTimeout(late);
}
