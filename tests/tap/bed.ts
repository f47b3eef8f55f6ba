/** Real network namespaces for tests, with names of their own, all removed at the end. */
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, writeFileSync } from "node:fs";
import process from "node:process";
import assert from "node:assert/strict";
import type { Attachment } from "../../core/contracts/port.ts";
import type { OverlayPacket } from "../../core/contracts/encapsulation.ts";
import { Drop } from "../../core/contracts/drop.ts";
import { encodeHex } from "../../core/wire/hex.ts";
import { parseAddress } from "../../core/wire/address.ts";
import { systemRandom } from "../../core/runtime/random.ts";
import { type TestHost, testHost } from "../conformance/test_host.ts";
import { withDirectory } from "../../core/runtime/temporary_directory_fixture.ts";
import { tap } from "../../plugins/tap/mod.ts";
import type { TapPort } from "../../plugins/tap/tap_port.ts";

/** Why there can be no namespaces here, undefined when there can. */
export const skip: string | undefined = missing();

function missing(): string | undefined {
  if (process.platform !== "linux") return "needs Linux";
  if (process.getuid?.() !== 0) return "needs root";
  const program = ["ip", "nft", "bridge", "nsenter", "ping"].find((name) => !isInstalled(name));
  if (program !== undefined) return `needs ${program}`;
  try {
    accessSync("/dev/net/tun", constants.R_OK | constants.W_OK);
  } catch {
    return "needs /dev/net/tun";
  }
  const name = `svt-${randomSuffix()}`;
  const made = spawnSync("ip", ["netns", "add", name]).status === 0;
  if (made) spawnSync("ip", ["netns", "del", name]);
  return made ? undefined : "needs network namespaces";
}

function isInstalled(name: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${name}`]).status === 0;
}

function randomSuffix(): string {
  return encodeHex(systemRandom().fill(new Uint8Array(4)));
}

export interface Container {
  /** Of the namespace. */
  readonly name: string;
  readonly path: string;
}

/** A port and the host that it was given, with what left the namespace through the TAP device. */
export interface PortAtWork {
  readonly port: TapPort;
  readonly host: TestHost;
  readonly frames: Uint8Array[];
  /** By reason. */
  readonly drops: Map<Drop, number>;
}

export class Bed {
  readonly signal = new AbortController().signal;
  /** Of the namespace with the bridge. */
  readonly namespace = `svt-${randomSuffix()}`;
  readonly #containers: string[] = [];
  readonly #ports: TapPort[] = [];

  container(): Container {
    const name = `svt-${randomSuffix()}`;
    run("ip", "netns", "add", name);
    this.#containers.push(name);
    run("ip", "-n", name, "link", "set", "lo", "up");
    return { name, path: `/run/netns/${name}` };
  }

  /** Not started. */
  port(options: { namespace?: string } = {}): PortAtWork {
    const drops = new Map<Drop, number>();
    const count = (drop: Drop, times = 1) => void drops.set(drop, (drops.get(drop) ?? 0) + times);
    const host = { ...testHost(), drops: { count } };
    const port = tap({ namespace: this.namespace, ...options }).create(host) as TapPort;
    const frames: Uint8Array[] = [];
    port.receive((packet: OverlayPacket) => {
      frames.push(new Uint8Array(packet.payload));
      return Drop.none;
    });
    this.#ports.push(port);
    return { port, host, frames, drops };
  }

  async started(): Promise<PortAtWork> {
    const made = this.port();
    await made.port.start(this.signal);
    return made;
  }

  /** For `container`, with addresses of /16 and /64. */
  async request(port: TapPort, container: Container, ...addresses: string[]): Promise<Attachment> {
    const place = await port.locate({ netns: container.name }, this.signal);
    const leases = addresses.map((text) => {
      const address = parseAddress(text)!;
      return { owner: place.owner, address, bits: address.family === 4 ? 16 : 64 };
    });
    return { owner: place.owner, leases, mtu: 1400, place };
  }

  /** Attached and open. */
  async join(port: TapPort, container: Container, ...addresses: string[]): Promise<Attachment> {
    const request = await this.request(port, container, ...addresses);
    await (await port.attach(request, this.signal)).open();
    return request;
  }

  async end(): Promise<void> {
    for (const port of this.#ports) await port[Symbol.asyncDispose]();
    for (const name of [this.namespace, ...this.#containers]) spawnSync("ip", ["netns", "del", name]);
  }
}

/** Runs `body` on a new bed. */
export async function onBed(body: (bed: Bed) => Promise<void>): Promise<void> {
  const bed = new Bed();
  try {
    await body(bed);
  } finally {
    await bed.end();
  }
}

/** What a program printed; fails when it fails. */
export function run(program: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8" });
  assert.equal(status, 0, `${program} ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** In a namespace. */
export function runIn(name: string, program: string, ...args: string[]): string {
  return run("nsenter", `--net=/run/netns/${name}`, program, ...args);
}

/** True when one of three echo requests is answered in time; the first may wait for an address to be resolved. */
export function pings(from: Container, to: string): boolean {
  const args = [`--net=${from.path}`, "ping", "-q", "-c", "3", "-i", "0.2", "-W", "1", to];
  return spawnSync("nsenter", args).status === 0;
}

/** Names of interfaces. */
export function interfacesIn(name: string): string[] {
  const links = JSON.parse(run("ip", "-n", name, "-j", "link")) as { ifname?: string }[];
  return links.flatMap(({ ifname }) => ifname ?? []).sort();
}

/** Runs `body` with `program` replaced by a shell script for all that is started meanwhile; `$real` is the program. */
export async function withProgram(program: string, script: string, body: () => Promise<void>): Promise<void> {
  const path = process.env["PATH"] ?? "";
  const real = run("sh", "-c", `command -v ${program}`).trim();
  await withDirectory(async (directory) => {
    writeFileSync(`${directory}/${program}`, `#!${shell}\nreal=${real}\n${script}\n`, { mode: 0o755 });
    process.env["PATH"] = `${directory}:${path}`;
    try {
      await body();
    } finally {
      process.env["PATH"] = path;
    }
  });
}

const shell = "/bin/sh";

/** What there is in a namespace, without counts and states that change by themselves. */
export function stateOf(name: string): unknown {
  const links = JSON.parse(run("ip", "-n", name, "-j", "link")) as Record<string, unknown>[];
  const routes = run("ip", "-n", name, "route", "show", "table", "all");
  return [
    links.map(({ ifname, ifalias, master, mtu }) => ({ ifname, ifalias, master, mtu })),
    routes,
    runIn(name, "nft", "list", "ruleset").replace(/packets [0-9]+ bytes [0-9]+/g, ""),
  ];
}

/** Resolves once `condition` is true: it is asked again and again, as the kernel tells nobody. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

export function exists(name: string): boolean {
  return existsSync(`/run/netns/${name}`);
}
