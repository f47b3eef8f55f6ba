/** The `selvage` program as a process, run by whichever runtime runs the tests. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { text } from "node:stream/consumers";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** The library as a program, and the program that the package installs: they are to do the same. */
const entries = {
  library: fileURLToPath(new URL("../../mod.ts", import.meta.url)),
  program: fileURLToPath(new URL("../../cli/main.ts", import.meta.url)),
};
const flags = "Deno" in globalThis ? ["run", "-A", "--no-check", "--unstable-net"] : ["-C", "source"];

export interface Finished {
  readonly code: number | null;
  readonly out: string;
  readonly words: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** The program by default, which starts faster. */
  readonly entry?: keyof typeof entries;
}

/** Nodes of one test: their state below one directory, and each of them ended at the latest with it. */
export class CliWorld implements AsyncDisposable {
  readonly root = mkdtempSync(join(tmpdir(), "selvage-e2e-"));
  readonly #pids = new Set<number>();

  stateDir(name: string): string {
    return join(this.root, name);
  }

  /** Starts a node in the background, on a free port of the loopback. */
  async start(name: string, argv: readonly string[], options: RunOptions = {}): Promise<Finished> {
    const place = ["--state-dir", this.stateDir(name), "--name", name];
    const listen = argv.includes("--listen") ? [] : ["--listen", "127.0.0.1:0"];
    const finished = await this.run([...argv, "--detach", ...place, ...listen], options);
    const [, pid] = /running as process (\d+)/.exec(finished.words) ?? [];
    if (pid !== undefined) this.#pids.add(Number(pid));
    return finished;
  }

  /** A command for the node of that name. */
  async at(name: string, ...argv: string[]): Promise<Finished> {
    return await this.run([...argv, "--state-dir", this.stateDir(name)]);
  }

  async run(argv: readonly string[], options: RunOptions = {}): Promise<Finished> {
    const { input = "", environment = {}, entry = "program" } = options;
    const child = spawn(process.execPath, [...flags, entries[entry], ...argv], {
      stdio: "pipe",
      env: { ...process.env, NO_COLOR: "1", ...environment },
    });
    const ended = once(child, "close");
    child.stdin.end(input);
    const [out, words] = await Promise.all([text(child.stdout), text(child.stderr)]);
    const [code] = await ended as [number | null];
    return { code, out, words };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pid of this.#pids) endProcess(pid);
    await Promise.resolve();
    rmSync(this.root, { recursive: true, force: true });
  }
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself, as it should.
  }
}
