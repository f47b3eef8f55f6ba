import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Namespace } from "../../../examples/lab/namespace.ts";
import {
  asleep,
  attempt,
  type Engine,
  type EngineKind,
  type EnginePlace,
  hardLimit,
  order,
} from "./engine.ts";
import { imageName } from "./image.ts";

export const podman: EngineKind = {
  name: "podman",
  programs: ["podman", "conmon", "runc"],
  packages: "podman runc",
  group: "libpod_parent",
  traces: ["/run/libpod", "/run/runc", "/var/lib/containers"],
  start({ host, directory, imageFile }: EnginePlace) {
    const settings = join(directory, "containers.conf");
    mkdirSync(join(directory, "networks"));
    writeFileSync(settings, settingsText(join(directory, "networks")));
    const engine = new Podman(host, directory, settings);
    engine.load(imageFile);
    return Promise.resolve(engine);
  },
};

/** Where a process is granted less than this, podman asks for more than it may give: its own default is a million. */
const mostGranted = { nofile: ["open files", 4096], nproc: ["processes", 4096] } as const;

/** No systemd, no journal, and locks that are its own: those in memory are one set for all that run on the machine. */
function settingsText(networks: string): string {
  const granted = Object.entries(mostGranted).map(([name, [what, most]]) => {
    const limit = hardLimit(what);
    const number = limit === "unlimited" ? most : Math.min(Number(limit), most);
    return `"${name}=${number}:${number}"`;
  });
  return `[network]
network_backend = "cni"
network_config_dir = "${networks}"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
lock_type = "file"
runtime = "runc"
[containers]
log_driver = "k8s-file"
default_ulimits = [${granted.join(", ")}]
`;
}

/** No daemon: every command is one process, and every container has a monitor of its own. */
class Podman implements Engine {
  readonly version: string;
  readonly #host: Namespace;
  readonly #words: readonly [string, ...string[]];
  readonly #env: NodeJS.ProcessEnv;
  readonly #ids = new Set<string>();

  constructor(host: Namespace, directory: string, settings: string) {
    this.#host = host;
    const place = ["root", "runroot", "tmpdir"].flatMap((name, i) => [`--${name}`, join(directory, `${i}`)]);
    this.#words = ["podman", ...place, "--storage-driver", "vfs"];
    this.#env = { CONTAINERS_CONF: settings };
    this.version = this.#order("version", "-f", "{{.Client.Version}}");
  }

  load(imageFile: string): void {
    this.#order("load", "-i", imageFile);
  }

  run(name: string): string {
    const options = ["--network", "none", "--cap-add", "NET_RAW", "--name", name];
    const id = this.#order("run", "-d", ...options, imageName, ...asleep);
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
    return attempt(this.#host, [...this.#words, "exec", id, ...words], this.#env);
  }

  remove(id: string): Promise<void> {
    this.#order("rm", "-f", "-t", "0", id);
    this.#ids.delete(id);
    return Promise.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of [...this.#ids]) await this.remove(id);
  }

  #order(...words: readonly string[]): string {
    return order(this.#host, [...this.#words, ...words], this.#env);
  }
}
