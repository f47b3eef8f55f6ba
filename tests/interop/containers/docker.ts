import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Namespace } from "../../../examples/lab/namespace.ts";
import { Daemon } from "./daemon.ts";
import { asleep, attempt, type Engine, type EngineKind, type EnginePlace, order } from "./engine.ts";
import { imageName } from "./image.ts";

export const docker: EngineKind = {
  name: "docker",
  programs: ["dockerd", "docker", "containerd", "runc"],
  packages: "docker.io containerd runc",
  group: "docker",
  traces: ["/etc/docker", "/opt/containerd", "/run/containerd", "/run/docker"],
  async start({ host, directory, imageFile }: EnginePlace) {
    const socket = `unix://${join(directory, "docker.sock")}`;
    const settings = join(directory, "daemon.json");
    writeFileSync(
      settings,
      JSON.stringify({
        "data-root": join(directory, "data"),
        "exec-root": join(directory, "exec"),
        pidfile: join(directory, "pid"),
        hosts: [socket],
        bridge: "none",
        "storage-driver": "vfs",
      }),
    );
    const daemon = await Daemon.start(host, ["dockerd", "--config-file", settings], {
      logFile: join(directory, "log"),
      answers: () => attempt(host, ["docker", "-H", socket, "version"]) !== undefined,
    });
    const engine = new Docker(host, socket, daemon);
    engine.load(imageFile);
    return engine;
  },
};

class Docker implements Engine {
  readonly version: string;
  readonly #host: Namespace;
  readonly #socket: string;
  readonly #daemon: Daemon;
  readonly #ids = new Set<string>();

  constructor(host: Namespace, socket: string, daemon: Daemon) {
    this.#host = host;
    this.#socket = socket;
    this.#daemon = daemon;
    this.version = this.#order("version", "-f", "{{.Server.Version}}");
  }

  load(imageFile: string): void {
    this.#order("load", "-i", imageFile);
  }

  run(name: string): string {
    const id = this.#order("run", "-d", "--network", "none", "--name", name, imageName, ...asleep);
    this.#ids.add(id);
    return id;
  }

  idOf(name: string): string {
    return this.#order("inspect", "-f", "{{.Id}}", name);
  }

  restart(id: string): Promise<void> {
    this.#order("restart", "-t", "0", id);
    return Promise.resolve();
  }

  exec(id: string, ...words: readonly [string, ...string[]]): string | undefined {
    return attempt(this.#host, ["docker", "-H", this.#socket, "exec", id, ...words]);
  }

  remove(id: string): Promise<void> {
    this.#order("rm", "-f", id);
    this.#ids.delete(id);
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of [...this.#ids]) await this.remove(id);
    await this.#daemon[Symbol.asyncDispose]();
  }

  #order(...words: readonly string[]): string {
    return order(this.#host, ["docker", "-H", this.#socket, ...words]);
  }
}
