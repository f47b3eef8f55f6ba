/** WireGuard in user space: Debian's wireguard-go, and another build of it where the environment names one. */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { run, runWithInput } from "../../../../examples/lab/namespace.ts";
import { until } from "../../../../examples/lab/lab.ts";
import { inner, type System } from "../system.ts";
import type { Host, Topology } from "../topology.ts";

const port = 51820;
const mtu = 1420;
const packages = ["wireguard-go", "wireguard-tools"];
const named = process.env["WIREGUARD_GO"];

export const wireguardGo = system("wireguard-go", "wireguard-go");

/** None without a name in the environment. */
export const otherWireguardGo: readonly System[] = named === undefined
  ? []
  : [{ ...system("wireguard-go-named", named), version: () => run(named, "--version").split("\n")[0]! }];

interface End {
  readonly host: Host;
  readonly device: string;
  readonly address: string;
  readonly keyFile: string;
  readonly publicKey: string;
}

function system(name: string, program: string): System {
  return {
    name,
    programs: [program, "wg"],
    packages,
    async start(topology) {
      const [a, b] = topology.hosts();
      const ends = [end(topology, a, inner.a), end(topology, b, inner.b)] as const;
      for (const { device, host } of ends) {
        topology.programs.daemon(host.namespace.command(program, "-f", device), {
          WG_PROCESS_FOREGROUND: "1",
          LOG_LEVEL: "error",
        });
      }
      for (const { device } of ends) await listening(topology, device);
      configure(ends[0], ends[1]);
      configure(ends[1], ends[0]);
      return {
        from: a.namespace,
        to: b.namespace,
        address: inner.b,
        // The daemon removes its socket, except when it had to be killed.
        end: () => Promise.resolve(ends.forEach(({ device }) => rmSync(socketOf(device), { force: true }))),
      };
    },
  };
}

function end(topology: Topology, host: Host, address: string): End {
  // The control socket is named after the device and lies in a folder that all namespaces share.
  const device = `${topology.prefix}-${address.at(-1)}`;
  const keyFile = join(topology.directory, `${device}.key`);
  const key = run("wg", "genkey");
  writeFileSync(keyFile, key, { mode: 0o600 });
  return { host, device, address, keyFile, publicKey: runWithInput(key, "wg", "pubkey").trim() };
}

function socketOf(device: string): string {
  return `/var/run/wireguard/${device}.sock`;
}

async function listening(topology: Topology, device: string): Promise<void> {
  const late = performance.now() + 5000;
  await until(() => {
    topology.programs.signal.throwIfAborted();
    if (performance.now() > late) throw new Error(`${device} has no control socket after 5 s`);
    return existsSync(socketOf(device));
  });
}

function configure(here: End, there: End): void {
  const { namespace } = here.host;
  const peer = ["peer", there.publicKey, "allowed-ips", `${there.address}/32`];
  const endpoint = ["endpoint", `${there.host.address}:${port}`];
  const own = ["listen-port", `${port}`, "private-key", here.keyFile];
  namespace.run("wg", "set", here.device, ...own, ...peer, ...endpoint);
  namespace.ip(`addr add ${here.address}/24 dev ${here.device}`, `link set dev ${here.device} mtu ${mtu} up`);
}
