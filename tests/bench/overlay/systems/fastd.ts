/** fastd with its fastest method that encrypts, over a TUN. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { run, runWithInput } from "../../../../examples/lab/namespace.ts";
import { inner, type System } from "../system.ts";
import type { Host, Topology } from "../topology.ts";

const port = 10_000;
const method = "salsa2012+umac";

export const fastd: System = {
  name: "fastd",
  programs: ["fastd"],
  packages: ["fastd"],
  start(topology) {
    const [a, b] = topology.hosts();
    const [one, two] = [end(a, inner.a), end(b, inner.b)];
    launch(topology, one, two);
    launch(topology, two, one);
    return { from: a.namespace, to: b.namespace, address: inner.b };
  },
};

interface End {
  readonly host: Host;
  readonly address: string;
  readonly secret: string;
  readonly publicKey: string;
}

function end(host: Host, address: string): End {
  const secret = run("fastd", "--generate-key", "--machine-readable").trim();
  const show = ["--config", "-", "--show-key", "--machine-readable"];
  return { host, address, secret, publicKey: runWithInput(`secret "${secret}";`, "fastd", ...show).trim() };
}

function launch({ directory, programs }: Topology, here: End, there: End): void {
  const path = join(directory, `${here.address}.conf`);
  const lines = [
    `log level warn; interface "fd0"; mode tun; mtu 1406; bind 0.0.0.0:${port};`,
    `method "${method}"; secret "${here.secret}";`,
    `on up "ip addr add ${here.address}/24 dev $INTERFACE; ip link set dev $INTERFACE up";`,
    `peer "other" { key "${there.publicKey}"; remote ${there.host.address}:${port}; }`,
  ];
  writeFileSync(path, `${lines.join("\n")}\n`, { mode: 0o600 });
  programs.daemon(here.host.namespace.command("fastd", "--config", path));
}
