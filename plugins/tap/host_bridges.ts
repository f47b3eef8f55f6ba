/** Bridges and interfaces of the host's own namespace, which is that of this process. */
import { MeshError } from "../../core/contracts/errors.ts";
import { isUp } from "./inspection.ts";
import { type Link, parseLinks } from "./links.ts";
import { runScript } from "./script.ts";

const usualMtu = 1_500;

/** IP bytes that the bridge carries. Rejects `NOT_FOUND`, and `INVALID_ARGUMENT` for what is no bridge. */
export async function mtuOfBridge(device: string, signal?: AbortSignal): Promise<number> {
  const link = await linkOf(device, signal);
  if (link === undefined) {
    throw new MeshError("NOT_FOUND", `Cannot join "${device}": this host has no such bridge`);
  }
  if (link.linkinfo?.info_kind === "bridge") return link.mtu ?? usualMtu;
  const advice = link.master === undefined
    ? `make one of it with \`ip link add NAME type bridge\` and \`ip link set ${device} master NAME\``
    : `join its bridge ${link.master}`;
  throw new MeshError("INVALID_ARGUMENT", `Cannot join "${device}": it is no Linux bridge; ${advice}`);
}

/** Whether our end is on the bridge, and up. */
export async function isOnBridge(end: string, device: string): Promise<boolean> {
  const link = await linkOf(end);
  return link?.master === device && isUp(link);
}

/**
 * Whether the host has the interface `device`, and it is the other end of our interface `end`. The kernel's own list is
 * asked first: a program that cannot run must not be taken for an interface that is gone.
 */
export async function isOnHost(device: string, end: number): Promise<boolean> {
  const text = 'if grep -q "^ *$1:" /proc/net/dev; then ip -j link show dev "$1"; else echo "[]"; fi';
  const [link] = parseLinks(await runScript({ purpose: `look at ${device}`, text, args: [device] }));
  return link?.link_index === end;
}

/** False for what Linux does not take as a name, or a shell not as a word. */
export function isBridgeName(device: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$/.test(device);
}

/** Throws `INVALID_ARGUMENT`. */
export function requireBridgeName(device: string): void {
  if (isBridgeName(device)) return;
  const said = JSON.stringify(device.slice(0, 64));
  throw new MeshError(
    "INVALID_ARGUMENT",
    `Cannot join ${said}: that is no name of a bridge; see \`ip link show type bridge\``,
  );
}

async function linkOf(device: string, signal?: AbortSignal): Promise<Link | undefined> {
  const text = 'ip -j -d link show dev "$1" 2>/dev/null || echo "[]"';
  const [link] = parseLinks(await runScript({ purpose: `look at ${device}`, text, args: [device] }, signal));
  return link;
}
