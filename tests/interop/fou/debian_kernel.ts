/**
 * A kernel of Debian with the modules of its tunnels, unpacked from its package and not installed, and a first file system
 * for it with busybox and iproute2 of this machine. Kept from one run to the next.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { run } from "../../../examples/lab/namespace.ts";
import { ROOT } from "../../rules/source_files.ts";
import { archive, type ArchiveEntry } from "./initramfs.ts";

/** The one for virtual machines: few drivers, and every module of the network. */
const metaPackage = "linux-image-cloud-amd64";
const cache = join(ROOT, "node_modules/.cache/selvage-fou");
const modules = ["virtio_pci", "virtio_net", "fou", "fou6", "ip_gre", "ip6_gre"];
const busybox = "/bin/busybox";

export interface BootFiles {
  readonly kernel: string;
  readonly initramfs: string;
  /** `6.1.0-56-cloud-amd64`. */
  readonly version: string;
}

/** Downloads the package where it is not there yet. Throws what apt or dpkg complain of. */
export function bootFiles(): BootFiles {
  const root = unpacked();
  const version = readdirSync(join(root, "lib/modules"))[0]!;
  const initramfs = join(cache, "initramfs");
  writeFileSync(initramfs, archive(entries(root, version)));
  return { kernel: join(root, `boot/vmlinuz-${version}`), initramfs, version };
}

function unpacked(): string {
  const name = /^ +Depends: (linux-image-\S+)$/m.exec(run("apt-cache", "depends", metaPackage))?.[1];
  if (name === undefined) throw new Error(`apt knows no package ${metaPackage}; run apt-get update`);
  const root = join(cache, name);
  if (existsSync(root)) return root;
  const making = `${root}.${process.pid}`;
  mkdirSync(making, { recursive: true });
  try {
    run("sh", "-c", 'cd "$1" && apt-get download -qq "$2"', "sh", making, name);
    const file = readdirSync(making).find((each) => each.endsWith(".deb"))!;
    run("dpkg-deb", "-x", join(making, file), join(making, "root"));
    renameSync(join(making, "root"), root);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  run(busybox, "depmod", "-b", root, readdirSync(join(root, "lib/modules"))[0]!);
  return root;
}

function entries(root: string, version: string): ArchiveEntry[] {
  const folder = join(root, "lib/modules", version);
  const order = loadOrder(readFileSync(join(folder, "modules.dep"), "utf8"));
  const files = new Map<string, Uint8Array>([
    ["init", readFileSync(join(import.meta.dirname!, "init.sh"))],
    ["bin/busybox", readFileSync(busybox)],
    ["modules/order", new TextEncoder().encode(order.map((path) => `/modules/${basename(path)}\n`).join(""))],
    ...order.map((path) =>
      [`modules/${basename(path)}`, readFileSync(join(folder, path))] as [string, Uint8Array]
    ),
    ...withLibraries("ip", "tools"),
  ]);
  const folders = new Set([...files.keys()].flatMap(above));
  return [
    ...[...folders].sort().map((path): ArchiveEntry => ({ path, kind: "directory" })),
    ...[...files].map(([path, content]): ArchiveEntry => ({ path, kind: "file", content })),
  ];
}

/** Each after what it needs. One that is a part of the kernel itself is in no line and needs no loading. */
function loadOrder(lines: string): string[] {
  const needs = new Map(
    lines.split("\n").filter((line) => line.includes(":")).map((line) => {
      const [path, rest] = line.split(":") as [string, string];
      return [path, rest.trim().split(" ").filter(Boolean)];
    }),
  );
  const order = new Set<string>();
  for (const name of modules) {
    const path = [...needs.keys()].find((each) => /^(.*)\.ko/.exec(basename(each))?.[1] === name);
    // The nearest need comes first, so the other way round each has what it needs.
    if (path !== undefined) { for (const each of [path, ...needs.get(path)!].reverse()) order.add(each); }
  }
  return [...order];
}

/** A program and the libraries that its loader would look for, where it would. */
function withLibraries(program: string, folder: string): [string, Uint8Array][] {
  const path = run("sh", "-c", `command -v ${program}`).trim();
  const libraries = [...run("ldd", path).matchAll(/(\/\S+) \(0x/g)].map(([, library]) => library!);
  return [
    [`${folder}/${program}`, readFileSync(path)],
    ...libraries.map((library) => [library.slice(1), readFileSync(library)] as [string, Uint8Array]),
  ];
}

function above(path: string): string[] {
  const folder = dirname(path);
  return folder === "." ? [] : [...above(folder), folder];
}
