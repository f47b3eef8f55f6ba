import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Namespace } from "../../../examples/lab/namespace.ts";
import { until } from "../../../examples/lab/lab.ts";
import { Daemon } from "./daemon.ts";
import { asleep, attempt, type Engine, type EngineKind, type EnginePlace, order } from "./engine.ts";
import { imageName } from "./image.ts";

export const containerd: EngineKind = {
  name: "containerd",
  programs: ["containerd", "ctr", "runc"],
  packages: "containerd runc",
  group: "default",
  traces: ["/opt/containerd", "/run/containerd", "/run/runc"],
  async start({ host, directory, imageFile }: EnginePlace) {
    const socket = join(directory, "containerd.sock");
    const settings = join(directory, "config.toml");
    writeFileSync(
      settings,
      `version = 2
root = "${join(directory, "root")}"
state = "${join(directory, "state")}"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "${socket}"
`,
    );
    const daemon = await Daemon.start(host, ["containerd", "-c", settings], {
      logFile: join(directory, "log"),
      answers: () => attempt(host, ["ctr", "--connect-timeout", "1s", "-a", socket, "version"]) !== undefined,
    });
    return await daemon.orEnd(() => {
      const engine = new Containerd(host, socket, daemon);
      engine.load(imageFile);
      return engine;
    });
  },
};

/** Layers copied, not mounted: works on every file system. */
const snapshots = ["--snapshotter", "native"];

/** By its own client, without CNI: an id is what one calls a container, so there are no names beside. */
class Containerd implements Engine {
  readonly version: string;
  readonly #host: Namespace;
  readonly #words: readonly [string, ...string[]];
  readonly #daemon: Daemon;
  readonly #ids = new Set<string>();

  constructor(host: Namespace, socket: string, daemon: Daemon) {
    this.#host = host;
    this.#words = ["ctr", "-a", socket];
    this.#daemon = daemon;
    this.version = /^Server:\n\s+Version:\s+(\S+)/m.exec(this.#order("version"))?.[1] ?? "of no version";
  }

  load(imageFile: string): void {
    this.#order("image", "import", ...snapshots, imageFile);
  }

  run(): string {
    const id = randomBytes(32).toString("hex");
    this.#ids.add(id);
    this.#order("run", "-d", ...snapshots, imageName, id, ...asleep);
    return id;
  }

  idOf(): undefined {
    return undefined;
  }

  async restart(id: string): Promise<void> {
    await this.#end(id);
    this.#order("task", "start", "-d", id);
  }

  exec(id: string, ...words: readonly [string, ...string[]]): string | undefined {
    const name = randomBytes(8).toString("hex");
    return attempt(this.#host, [...this.#words, "task", "exec", "--exec-id", name, id, ...words]);
  }

  async remove(id: string): Promise<void> {
    if (this.#stateOf(id) !== undefined) await this.#end(id);
    this.#order("container", "rm", id);
    this.#ids.delete(id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of [...this.#ids]) await this.remove(id);
    await this.#daemon[Symbol.asyncDispose]();
  }

  async #end(id: string): Promise<void> {
    this.#order("task", "kill", "-s", "SIGKILL", id);
    await until(() => this.#stateOf(id) !== "RUNNING");
    // What it prints is of no use: the exit code of a task that was killed is none of its own.
    attempt(this.#host, [...this.#words, "task", "rm", id]);
  }

  #stateOf(id: string): string | undefined {
    const line = this.#order("task", "ls").split("\n").find((each) => each.startsWith(id));
    return line?.trim().split(/\s+/).at(-1);
  }

  #order(...words: readonly string[]): string {
    return order(this.#host, [...this.#words, ...words]);
  }
}
