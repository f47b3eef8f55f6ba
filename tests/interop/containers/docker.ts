import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Daemon } from "./daemon.ts";
import { DockerWords } from "./docker_words.ts";
import { attempt, type EngineKind, type EnginePlace } from "./engine.ts";

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
    const words = ["docker", "-H", socket] as const;
    const daemon = await Daemon.start(host, ["dockerd", "--config-file", settings], {
      logFile: join(directory, "log"),
      answers: () => attempt(host, [...words, "version"]) !== undefined,
    });
    return await daemon.orEnd(() =>
      new DockerWords({ host, words, versionTemplate: "{{.Server.Version}}", daemon }, imageFile)
    );
  },
};
