import { MeshError } from "../../core/contracts/errors.ts";
import type { Place, Where } from "../../core/contracts/port.ts";
import {
  groupsOfContainer,
  namespaceAt,
  type NamespaceIdentity,
  ownNamespacePath,
} from "../../core/runtime/network_namespace.ts";

/** The namespace that a person means. Rejects `NOT_FOUND`, `INVALID_ARGUMENT`. */
export async function locate(where: Where): Promise<Place> {
  const [entry, ...others] = Object.entries(where);
  if (entry === undefined || others.length > 0) {
    throw invalid("a place has one of netns, pid, container and host");
  }
  const path = await pathOf(...entry);
  const identity = await namespaceAt(path);
  if (identity === undefined) throw notFound(path, entry[0] === "netns" && !entry[1].startsWith("/"));
  return { owner: ownerOf(identity), path };
}

/** `netns:4:4026532246`: one name for every path to one namespace. */
export function ownerOf({ device, inode }: NamespaceIdentity): string {
  return `netns:${device}:${inode}`;
}

/**
 * A path that leads to `place` now. That of the place itself may lead through a process that has ended, or to where
 * another namespace is by now. Rejects `NOT_FOUND`.
 */
export async function pathNow(place: Place): Promise<string> {
  for (const path of [place.path, await ownNamespacePath()]) {
    const identity = await namespaceAt(path);
    if (identity !== undefined && ownerOf(identity) === place.owner) return path;
  }
  throw notFound(place.path);
}

/** After a change: rejects `NOT_FOUND` when `path` has led to another namespace meanwhile, or leads nowhere. */
export async function requireSame(path: string, place: Place): Promise<void> {
  const identity = await namespaceAt(path);
  if (identity === undefined || ownerOf(identity) !== place.owner) throw notFound(path);
}

/** Rejects `INVALID_ARGUMENT` when the owner is the namespace at `path`, which holds the bridge. */
export async function requireOther(owner: string, path: string): Promise<void> {
  const identity = await namespaceAt(path);
  if (identity === undefined || ownerOf(identity) !== owner) return;
  const why = "it holds the bridge of this node; name the namespace of a container";
  throw new MeshError("INVALID_ARGUMENT", `Cannot attach ${path}: ${why}`);
}

/** True for the namespace of the host, which is that of this process. */
export async function isHost(owner: string): Promise<boolean> {
  const own = await namespaceAt(await ownNamespacePath());
  return own !== undefined && ownerOf(own) === owner;
}

async function pathOf(key: string, value: string): Promise<string> {
  switch (key) {
    case "host":
      return await ownNamespacePath();
    case "netns":
      return netnsPath(value);
    case "pid":
      if (!/^[1-9][0-9]{0,9}$/.test(value)) throw invalid(`"${value}" is no process id`);
      return `/proc/${value}/ns/net`;
    case "container":
      return await containerPath(value);
    default:
      throw invalid(`"${key}" is no way to name a place; use netns, pid, container or host`);
  }
}

function netnsPath(value: string): string {
  if (value.startsWith("/") && !value.includes("\0")) return value;
  if (!/^[^/\0]{1,255}$/.test(value) || value === "." || value === "..") {
    throw invalid(`"${value}" is neither a path nor the name of a network namespace`);
  }
  return `/run/netns/${value}`;
}

/**
 * By the control groups of its processes, in which every container engine puts the id. So no engine has to be asked,
 * nor trusted with a socket; names of containers are known to them alone.
 */
async function containerPath(id: string): Promise<string> {
  if (!/^[0-9a-f]{12,64}$/.test(id)) {
    throw invalid(
      `"${id}" is no container id: 12 to 64 hexadecimal digits, as the container's engine prints them`,
    );
  }
  const [group, other] = await groupsOfContainer(id);
  if (group === undefined) {
    throw new MeshError(
      "NOT_FOUND",
      `Cannot find container ${id}: no process of this machine is in it; is it running?`,
    );
  }
  // Every user may name a group of his own after somebody else's container.
  if (other !== undefined) {
    throw invalid(`two control groups have the id ${id}, ${group.path} and ${other.path}; name it by pid`);
  }
  return `/proc/${group.processes[0]!}/ns/net`;
}

/** A name may be meant for a container's, which its engine alone knows. */
function notFound(path: string, isName = false): MeshError {
  const advice = isName ? "; a container goes by its id, as its engine prints it" : "";
  return new MeshError(
    "NOT_FOUND",
    `Cannot find the network namespace ${path}: it is gone, or never was there${advice}`,
  );
}

function invalid(why: string): MeshError {
  return new MeshError("INVALID_ARGUMENT", `Cannot find that place: ${why}`);
}
