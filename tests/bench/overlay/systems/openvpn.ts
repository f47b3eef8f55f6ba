/** OpenVPN with AES-256-GCM in user space: two peers that know the fingerprint of each other's certificate. */
import { join } from "node:path";
import { run } from "../../../../examples/lab/namespace.ts";
import { inner, type System } from "../system.ts";
import type { Host, Topology } from "../topology.ts";

const port = "1194";

export const openvpn: System = {
  name: "openvpn",
  programs: ["openvpn", "openssl"],
  packages: ["openvpn", "openssl"],
  start(topology) {
    const [a, b] = topology.hosts();
    const server = end(topology, { host: a, address: inner.a, role: ["--tls-server", "--dh", "none"] });
    const client = end(topology, { host: b, address: inner.b, role: ["--tls-client"] });
    launch(topology, server, client);
    launch(topology, client, server);
    return { from: a.namespace, to: b.namespace, address: inner.b };
  },
};

interface Place {
  readonly host: Host;
  readonly address: string;
  readonly role: readonly string[];
}

interface End extends Place {
  readonly key: string;
  readonly certificate: string;
  readonly fingerprint: string;
}

function end({ directory }: Topology, place: Place): End {
  const [key, certificate] = ["key", "crt"].map((suffix) => join(directory, `${place.address}.${suffix}`));
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  const outputs = ["-subj", `/CN=${place.address}`, "-keyout", key!, "-out", certificate!];
  run("openssl", "req", "-x509", ...kind, ...outputs);
  const shown = run("openssl", "x509", "-in", certificate!, "-noout", "-fingerprint", "-sha256");
  return { ...place, key: key!, certificate: certificate!, fingerprint: shown.trim().split("=")[1]! };
}

function launch({ programs }: Topology, here: End, there: End): void {
  const words = [
    ...["--dev", "tun0", "--dev-type", "tun", "--disable-dco", "--proto", "udp4", "--verb", "1"],
    ...["--remote", there.host.address, port, "--lport", port, "--ifconfig", here.address, there.address],
    ...[...here.role, "--cert", here.certificate, "--key", here.key],
    ...["--peer-fingerprint", there.fingerprint, "--data-ciphers", "AES-256-GCM"],
  ];
  programs.daemon(here.host.namespace.command("openvpn", ...words));
}
