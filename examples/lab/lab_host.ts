/** A host of a lab: a namespace with a cable to the underlay, containers, and a node of the real program. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type AdminClient, type AttachRequest, createAdminClient, unixFetch } from "../../mod.ts";
import { Container } from "./container.ts";
import { Namespace } from "./namespace.ts";
import type { Cable, Ground } from "./underlay.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const flags = "Deno" in globalThis ? ["run", "-A", "--no-check", "--unstable-net"] : ["-C", "source"];

/** The program from its sources, on the runtime that runs this. */
export const fromSource: Program = {
  words: [process.execPath, ...flags, join(root, "cli/main.ts")],
  // Every start of Node would read and strip the same sources again.
  environment: { NODE_COMPILE_CACHE: join(root, "node_modules/.cache/selvage-lab") },
};

const linesKept = 200;

export interface Program {
  readonly words: readonly [string, ...string[]];
  readonly environment?: Readonly<Record<string, string>>;
}

export interface HostPlace {
  readonly name: string;
  /** Of all names that it makes. */
  readonly prefix: string;
  readonly directory: string;
  readonly ground: Ground;
  readonly program: Program;
}

export interface NodeOptions {
  /** Without interfaces for containers. */
  readonly rootless?: boolean;
  /** Of the program, beside that of this process: `SELVAGE_` and a slot. */
  readonly environment?: Readonly<Record<string, string>>;
}

export class LabHost {
  readonly name: string;
  readonly namespace: Namespace;
  /** The one that the node makes for its bridge. */
  readonly mesh: Namespace;
  readonly cable: Cable;
  readonly stateDir: string;
  readonly admin: AdminClient;
  readonly containers: Container[] = [];
  readonly #prefix: string;
  readonly #program: Program;
  readonly #log: string[] = [];
  #made = 0;
  #node: ChildProcess | undefined;
  #options: NodeOptions = {};

  constructor({ name, prefix, directory, ground, program }: HostPlace) {
    this.name = name;
    this.#prefix = prefix;
    this.#program = program;
    this.namespace = Namespace.make(`${prefix}-${name}`);
    this.mesh = new Namespace(`${prefix}-${name}-mesh`);
    this.cable = ground.connect(this.namespace);
    this.stateDir = join(directory, name);
    this.admin = createAdminClient(unixFetch(join(this.stateDir, "admin.sock")));
  }

  /** Founds a network, or takes up the one in its state. */
  async launch(options: NodeOptions = this.#options): Promise<void> {
    await this.#start(["launch"], options);
  }

  async join(token: string, options: NodeOptions = {}): Promise<void> {
    await this.#start(["join", token], options);
  }

  /** In good order, as the system stops a service. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  /** As a power cut would. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Loses all that a reboot loses: node, bridge, containers. What is on disk stays, for `launch`. */
  async powerCut(): Promise<void> {
    await this.end();
    for (const { namespace } of this.containers.splice(0)) namespace.remove();
    this.mesh.remove();
  }

  /** Milliseconds since 1970 of the last start of the node's process. */
  started = 0;

  /** A new container with addresses of the network. */
  async container(request: Partial<AttachRequest> = {}): Promise<Container> {
    const container = await this.bare();
    await this.attach(container, request);
    return container;
  }

  /** A container that is not attached. */
  async bare(): Promise<Container> {
    const container = new Container(`${this.#prefix}-${this.name}${++this.#made}`);
    this.containers.push(container);
    return await container.ready();
  }

  async attach(container: Container, request: Partial<AttachRequest> = {}): Promise<void> {
    container.attached = await this.admin.attach({ where: { netns: container.name }, ...request });
  }

  /** A command of the program, for this node. */
  cli(
    ...argv: readonly string[]
  ): { readonly code: number | null; readonly out: string; readonly words: string } {
    const words = [...this.#program.words, ...argv, "--state-dir", this.stateDir] as const;
    const [program, ...args] = this.namespace.command(...words);
    const { status, stdout, stderr } = spawnSync(program, args, {
      encoding: "utf8",
      env: this.#environment(),
    });
    return { code: status, out: stdout, words: stderr };
  }

  /** Of the node's process. Throws when it does not run. */
  get pid(): number {
    if (this.#node?.pid === undefined) throw new Error(`the node of ${this.name} does not run`);
    return this.#node.pid;
  }

  /** The last lines that the node wrote. */
  get log(): string {
    return this.#log.join("\n");
  }

  /** Its processes. */
  async end(): Promise<void> {
    await this.kill();
    await Promise.all(this.containers.map((container) => container.end()));
  }

  async #start(argv: readonly string[], options: NodeOptions): Promise<void> {
    this.#options = options;
    const mode = options.rootless === true ? [] : ["--host-mode"];
    const place = ["--state-dir", this.stateDir, "--name", this.name, ...mode];
    const words = [...this.#program.words, ...argv, ...place] as const;
    const [program, ...args] = this.namespace.command(...words);
    this.started = Date.now();
    const env = this.#environment(options);
    const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"], env });
    this.#node = child;
    const isReady = Promise.withResolvers<void>();
    createInterface({ input: child.stderr! }).on("line", (line) => {
      this.#note(line);
      if (/ is ready in network /.test(line)) isReady.resolve();
    });
    const ended = once(child, "exit").then(([code]) => {
      throw new Error(`the node of ${this.name} ended with ${code}:\n${this.log}`);
    });
    await Promise.race([isReady.promise, ended]);
    ended.catch(() => {});
  }

  #note(line: string): void {
    this.#log.push(line);
    if (this.#log.length > linesKept) this.#log.shift();
  }

  /** Nodes of several hosts share /run/netns, so each has a name of its own for its namespace. */
  #environment({ rootless, environment }: NodeOptions = {}): NodeJS.ProcessEnv {
    const ports = [{ use: "userspace" }, { use: "tap", namespace: this.mesh.name }];
    const port = rootless === true ? {} : { SELVAGE_PORT: JSON.stringify(ports) };
    return { ...process.env, NO_COLOR: "1", ...this.#program.environment, ...port, ...environment };
  }

  async #end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const child = this.#node;
    this.#node = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "close");
    child.kill(signal);
    await exited;
  }
}
