/**
 * Hosts on one machine: network namespaces with a network below them, further namespaces as containers, and the real
 * program in each host. Every name has a random part, nothing of the machine's own namespace is touched, and at the end
 * everything is gone.
 *
 *     lab-3f2a-net   ┌──────── under (bridge) ────────┐
 *                    cable1                      cable2
 *     lab-3f2a-a   eth0 · node              lab-3f2a-b   eth0 · node
 *     lab-3f2a-a1  mesh0   lab-3f2a-a2  mesh0    lab-3f2a-b1  mesh0  …
 */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { accessSync, constants, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { Namespace } from "./namespace.ts";
import { fromSource, LabHost, type Program } from "./lab_host.ts";
import { type Ground, Underlay } from "./underlay.ts";

/** What this machine lacks for a lab, and what to do; undefined when it lacks nothing. */
export function lacksForLab(): string | undefined {
  if (process.platform !== "linux") return "needs Linux";
  if (process.getuid?.() !== 0) return "needs root, for network namespaces and TAP devices";
  const missing = ["ip", "nft", "bridge", "nsenter", "ping"].filter((program) => !isInstalled(program));
  if (missing.length > 0) {
    return `needs ${missing.join(", ")}; install iproute2, nftables, util-linux and iputils-ping`;
  }
  if (!existsSync("/dev/net/tun")) return "needs /dev/net/tun; load the kernel module tun";
  try {
    accessSync("/dev/net/tun", constants.R_OK | constants.W_OK);
  } catch {
    return "needs the right to open /dev/net/tun; run it as root";
  }
  const probe = new Namespace(`lab-${randomBytes(4).toString("hex")}`);
  const isMade = spawnSync("ip", ["netns", "add", probe.name]).status === 0;
  probe.remove();
  return isMade ? undefined : "needs the right to make network namespaces";
}

export function isInstalled(program: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
}

export class Lab implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), "selvage-lab-"));
  /** Of the names of all that it makes. */
  readonly prefix = `lab-${randomBytes(3).toString("hex")}`;
  readonly underlay = Underlay.make(`${this.prefix}-net`);
  readonly hosts: LabHost[] = [];
  readonly #program: Program;

  constructor(program: Program = fromSource) {
    this.#program = program;
  }

  /** Without a node yet. */
  host(name: string, ground: Ground = this.underlay): LabHost {
    const { prefix, directory } = this;
    const host = new LabHost({ name, prefix, directory, ground, program: this.#program });
    this.hosts.push(host);
    return host;
  }

  /** Hosts of one network: the first founds it, the others join it with a token of the first. */
  async network(...names: readonly string[]): Promise<LabHost[]> {
    const hosts = names.map((name) => this.host(name));
    const [founder, ...others] = hosts;
    await founder!.launch();
    const { token } = await founder!.admin.createToken();
    await Promise.all(others.map((host) => host.join(token)));
    await this.meshed();
    return hosts;
  }

  /** Resolves when every node has a session with every other. */
  async meshed(): Promise<void> {
    for (const { admin } of this.hosts) {
      await until(async () => (await admin.status()).connections.established === this.hosts.length - 1);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.end()));
    // By name, so that also what was being made when something failed is gone.
    for (const name of readdirSync("/run/netns")) {
      if (name.startsWith(`${this.prefix}-`)) new Namespace(name).remove();
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Asks again and again, as neither kernels nor nodes tell everything by themselves. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!await holds()) await new Promise((resolve) => setTimeout(resolve, 20));
}
