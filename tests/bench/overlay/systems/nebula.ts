/** Nebula with AES-256-GCM, and two certificates of an authority made for the occasion. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../../../examples/lab/namespace.ts";
import { inner, type System } from "../system.ts";
import type { Host, Topology } from "../topology.ts";

const port = 4242;

export const nebula: System = {
  name: "nebula",
  programs: ["nebula", "nebula-cert"],
  packages: ["nebula"],
  start(topology) {
    const [a, b] = topology.hosts();
    const authority = ["-out-crt", join(topology.directory, "ca.crt")];
    run("nebula-cert", "ca", "-name", "bench", ...authority, "-out-key", join(topology.directory, "ca.key"));
    launch(topology, { name: "a", host: a, address: inner.a, peer: { host: b, address: inner.b } });
    launch(topology, { name: "b", host: b, address: inner.b, peer: { host: a, address: inner.a } });
    return { from: a.namespace, to: b.namespace, address: inner.b };
  },
};

interface Member {
  readonly name: string;
  readonly host: Host;
  readonly address: string;
  readonly peer: { readonly host: Host; readonly address: string };
}

function launch({ directory, programs }: Topology, member: Member): void {
  const { name, host, address } = member;
  const file = (suffix: string) => join(directory, `${name}.${suffix}`);
  const authority = ["-ca-crt", join(directory, "ca.crt"), "-ca-key", join(directory, "ca.key")];
  const outputs = ["-out-crt", file("crt"), "-out-key", file("key")];
  run("nebula-cert", "sign", ...authority, "-name", name, "-ip", `${address}/24`, ...outputs);
  // JSON is YAML.
  writeFileSync(file("yml"), JSON.stringify(configuration(directory, member)));
  programs.daemon(host.namespace.command("nebula", "-config", file("yml")));
}

function configuration(directory: string, { name, peer }: Member) {
  const anything = [{ port: "any", proto: "any", host: "any" }];
  return {
    pki: {
      ca: join(directory, "ca.crt"),
      cert: join(directory, `${name}.crt`),
      key: join(directory, `${name}.key`),
    },
    static_host_map: { [peer.address]: [`${peer.host.address}:${port}`] },
    lighthouse: { am_lighthouse: false, hosts: [] },
    listen: { host: "0.0.0.0", port },
    tun: { dev: "nebula1", mtu: 1300 },
    cipher: "aes",
    logging: { level: "warning" },
    firewall: { inbound: anything, outbound: anything },
  };
}
