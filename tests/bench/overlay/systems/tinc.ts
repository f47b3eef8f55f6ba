/** tinc 1.0 with AES-256-CBC and its default digest. */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../../../examples/lab/namespace.ts";
import { inner, type System } from "../system.ts";
import type { Host, Topology } from "../topology.ts";

export const tinc: System = {
  name: "tinc",
  programs: ["tincd"],
  packages: ["tinc"],
  start(topology) {
    const [a, b] = topology.hosts();
    configure(topology, { name: "a", peer: "b", host: a, address: inner.a });
    configure(topology, { name: "b", peer: "a", host: b, address: inner.b });
    copyFileSync(hostFile(topology, "a", "a"), hostFile(topology, "b", "a"));
    copyFileSync(hostFile(topology, "b", "b"), hostFile(topology, "a", "b"));
    launch(topology, "a", a);
    launch(topology, "b", b);
    return { from: a.namespace, to: b.namespace, address: inner.b };
  },
};

interface Member {
  readonly name: string;
  readonly peer: string;
  readonly host: Host;
  readonly address: string;
}

/** What `member` knows of `about`. */
function hostFile({ directory }: Topology, member: string, about: string): string {
  return join(directory, member, "hosts", about);
}

function configure(topology: Topology, { name, peer, host, address }: Member): void {
  const folder = join(topology.directory, name);
  mkdirSync(join(folder, "hosts"), { recursive: true });
  const settings = ["Interface = tinc0", "DeviceType = tun", "AddressFamily = ipv4"];
  write(join(folder, "tinc.conf"), [`Name = ${name}`, `ConnectTo = ${peer}`, ...settings]);
  write(join(folder, "tinc-up"), [
    "#!/bin/sh",
    `ip addr add ${address}/24 dev "$INTERFACE"`,
    `ip link set dev "$INTERFACE" mtu 1500 up`,
  ], 0o755);
  const own = [`Address = ${host.address}`, `Subnet = ${address}/32`, "Cipher = aes-256-cbc"];
  write(hostFile(topology, name, name), own);
  // Appends the public key to the host's file.
  run("tincd", "-c", folder, "-K2048");
}

function write(path: string, lines: readonly string[], mode = 0o644): void {
  writeFileSync(path, `${lines.join("\n")}\n`, { mode });
}

function launch({ directory, programs }: Topology, name: string, host: Host): void {
  const words = ["-c", join(directory, name), "-D", `--pidfile=${join(directory, `${name}.pid`)}`];
  programs.daemon(host.namespace.command("tincd", ...words));
}
