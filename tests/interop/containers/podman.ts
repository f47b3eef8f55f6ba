import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DockerWords } from "./docker_words.ts";
import { type EngineKind, type EnginePlace, hardLimit } from "./engine.ts";

/** No daemon: every container has a monitor of its own. */
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
    const place = ["root", "runroot", "tmpdir"].flatMap((name, i) => [`--${name}`, join(directory, `${i}`)]);
    const client = {
      host,
      words: ["podman", ...place, "--storage-driver", "vfs"] as const,
      env: { CONTAINERS_CONF: settings },
      versionTemplate: "{{.Client.Version}}",
      options: { run: ["--cap-add", "NET_RAW"], remove: ["-t", "0"] },
    };
    return Promise.resolve(new DockerWords(client, imageFile));
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
