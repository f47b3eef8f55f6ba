/** Network namespaces of Linux: who they are, and which processes live in them. */
import { readdir, readFile, readlink, stat } from "node:fs/promises";

/**
 * The same for every path to one namespace, and for no other one that exists at the time. Numbers are used again, so it
 * says nothing about one that is gone.
 */
export interface NamespaceIdentity {
  /** Decimal digits, as `stat` prints them. */
  readonly device: string;
  readonly inode: string;
}

/** Undefined for a path where nothing is, or nothing that is a network namespace. */
export async function namespaceAt(path: string): Promise<NamespaceIdentity | undefined> {
  const [found, own] = await Promise.all([identityOf(path), identityOf("/proc/self/ns/net")]);
  // All namespaces are files of one file system, and nothing else is on it.
  return found !== undefined && found.device === own?.device ? found : undefined;
}

async function identityOf(path: string): Promise<NamespaceIdentity | undefined> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return { device: `${dev}`, inode: `${ino}` };
  } catch {
    return undefined;
  }
}

/** A path to this process's own namespace that other processes can open, as long as this one runs. */
export async function ownNamespacePath(): Promise<string> {
  // Not the process id that the runtime knows: /proc may be of an outer PID namespace.
  return `/proc/${await readlink("/proc/self")}/ns/net`;
}

/** A control group that is a container's, and the processes in it and below: those nearest to it first, then by id. */
export interface ContainerGroup {
  readonly path: string;
  readonly processes: readonly number[];
}

/** Control groups of this machine that a container engine has named after a container's id, or the beginning of it. */
export async function groupsOfContainer(id: string): Promise<readonly ContainerGroup[]> {
  const names = (await readdir("/proc")).filter((name) => /^[0-9]+$/.test(name));
  const texts = await Promise.all(
    names.map((name) => readFile(`/proc/${name}/cgroup`, "utf8").catch(() => "")),
  );
  const found = names.flatMap((name, i) => {
    const membership = membershipOf(texts[i]!, id);
    return membership === undefined ? [] : [{ ...membership, process: Number(name) }];
  }).sort((a, b) => a.depth - b.depth || a.process - b.process);
  return [...new Set(found.map(({ path }) => path))].map((path) => ({
    path,
    processes: found.filter((each) => each.path === path).map(({ process }) => process),
  }));
}

/**
 * The container's group that a process is in, by the text of its `/proc/PID/cgroup`, and how far below; undefined when it
 * is in none. Engines call it `ID`, `docker-ID.scope`, `cri-containerd-ID.scope`, `libpod-ID.scope`. Their monitors are in
 * groups with the id as well, `libpod-conmon-ID.scope`, and in the network of the host.
 */
export function membershipOf(text: string, id: string): { path: string; depth: number } | undefined {
  const name = new RegExp(`^(?:[A-Za-z][\\w.:-]*[-:])?${id}[0-9a-f]*(?:\\.scope)?$`);
  for (const line of text.split("\n")) {
    const steps = line.split(":").slice(2).join(":").split("/");
    const at = steps.findIndex((step) => name.test(step) && !step.includes("conmon"));
    if (at >= 0) return { path: steps.slice(0, at + 1).join("/"), depth: steps.length - 1 - at };
  }
  return undefined;
}
