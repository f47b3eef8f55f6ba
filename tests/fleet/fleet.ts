/** Many nodes without privileges as processes of one machine, over the loopback. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fromSource, type Program } from "../../examples/lab/lab_host.ts";
import { type AdminClient, createAdminClient, unixFetch } from "../../mod.ts";

const linesKept = 100;

export class FleetNode {
  readonly name: string;
  readonly stateDir: string;
  readonly admin: AdminClient;
  #child: ChildProcess | undefined;
  readonly #log: string[] = [];
  readonly #listeners = new Set<(line: string) => void>();

  constructor(name: string, directory: string) {
    this.name = name;
    this.stateDir = join(directory, name);
    this.admin = createAdminClient(unixFetch(join(this.stateDir, "admin.sock")));
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  /** Throws when it does not run. */
  get pid(): number {
    if (this.#child?.pid === undefined) throw new Error(`the node ${this.name} does not run`);
    return this.#child.pid;
  }

  /** The last lines that it wrote. */
  get log(): string {
    return this.#log.join("\n");
  }

  /** When it next writes such a line, in milliseconds of this process's clock. */
  said(pattern: RegExp): Promise<number> {
    return new Promise((resolve) => {
      const listener = (line: string) => {
        if (!pattern.test(line)) return;
        this.#listeners.delete(listener);
        resolve(performance.now());
      };
      this.#listeners.add(listener);
    });
  }

  /** Founds a network without `token`, joins with one, and goes on where its state says so. Resolves when it is ready. */
  async start(program: Program, token?: string): Promise<void> {
    const command = token === undefined ? ["launch"] : ["join", token];
    const place = ["--state-dir", this.stateDir, "--name", this.name, "--listen", "127.0.0.1:0"];
    const [first, ...rest] = program.words;
    const env = { ...process.env, NO_COLOR: "1", ...program.environment };
    const child = spawn(first, [...rest, ...command, ...place], { stdio: ["ignore", "ignore", "pipe"], env });
    this.#child = child;
    const ready = this.said(/ is ready in network /);
    createInterface({ input: child.stderr! }).on("line", (line) => {
      this.#log.push(line);
      if (this.#log.length > linesKept) this.#log.shift();
      for (const listener of [...this.#listeners]) listener(line);
    });
    const ended = once(child, "exit").then(([code]) => {
      throw new Error(`the node ${this.name} ended with ${code}:\n${this.log}`);
    });
    ended.catch(() => {});
    await Promise.race([ready, ended]);
  }

  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "close");
    child.kill(signal);
    await exited;
  }
}

export class Fleet implements AsyncDisposable {
  readonly nodes: readonly FleetNode[];
  readonly #directory = mkdtempSync(join(tmpdir(), "selvage-fleet-"));
  #repeatedJoins = 0;

  constructor(size: number) {
    this.nodes = Array.from({ length: size }, (_, i) => new FleetNode(`n${i}`, this.#directory));
  }

  /** One founds, and the others join it, some at a time: a machine has few processors. */
  async start(program: Program = fromSource): Promise<void> {
    const [founder, ...joiners] = this.nodes as [FleetNode, ...FleetNode[]];
    await founder.start(program);
    const { token } = await founder.admin.createToken();
    while (joiners.length > 0) {
      await Promise.all(joiners.splice(0, startedAtOnce).map((node) => this.#join(node, program, token)));
    }
  }

  /** How many joins had to be tried again, because nobody had time for them. */
  get repeatedJoins(): number {
    return this.#repeatedJoins;
  }

  /** As the service of a host does it, which is started again when it fails. */
  async #join(node: FleetNode, program: Program, token: string): Promise<void> {
    for (let attempt = 1;; attempt++) {
      try {
        return await node.start(program, token);
      } catch (error) {
        await node.end("SIGKILL");
        if (attempt === joinAttempts) throw error;
        this.#repeatedJoins++;
      }
    }
  }

  running(): readonly FleetNode[] {
    return this.nodes.filter(({ isRunning }) => isRunning);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.end("SIGKILL")));
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

const startedAtOnce = 4;
const joinAttempts = 3;
