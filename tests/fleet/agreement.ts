/** Whether the nodes of a fleet are of one mind: who is there, and whose which range is. */
import type { Fleet, FleetNode } from "./fleet.ts";
import { setTimeout } from "node:timers/promises";

/** Between two looks at all nodes. */
const lookMillis = 250;

/** What keeps the fleet from being of one mind, at most so many lines; none when it is. */
export async function disagreements(fleet: Fleet, most = 5): Promise<readonly string[]> {
  const running = fleet.running();
  const names = running.map(({ name }) => name);
  const views = await Promise.all(running.map(viewOf));
  const faults: string[] = [];
  for (const { node, up, ranges } of views) {
    const missing = names.filter((name) => name !== node && !up.has(name));
    const ghosts = [...up].filter((name) => !names.includes(name));
    if (missing.length > 0) faults.push(`${node} has no session with ${missing.join(", ")}`);
    if (ghosts.length > 0) faults.push(`${node} takes ${ghosts.join(", ")} for running`);
    if (ranges !== views[0]!.ranges) faults.push(`${node} and ${views[0]!.node} differ on who owns what`);
    if (faults.length >= most) break;
  }
  return faults.slice(0, most);
}

/** Milliseconds until all agree. Rejects with what they differ in when that takes longer than `limit`. */
export async function agreed(fleet: Fleet, limit: number): Promise<number> {
  const start = performance.now();
  for (;;) {
    const faults = await disagreements(fleet);
    const took = performance.now() - start;
    if (faults.length === 0) return took;
    if (took > limit) throw new Error(`not of one mind after ${Math.round(took)} ms: ${faults.join("; ")}`);
    await setTimeout(lookMillis);
  }
}

interface View {
  readonly node: string;
  /** Names of members with a session. */
  readonly up: ReadonlySet<string>;
  readonly ranges: string;
}

async function viewOf(node: FleetNode): Promise<View> {
  const [peers, { shares }] = await Promise.all([node.admin.peers(), node.admin.ipam()]);
  const up = peers.filter((peer) => !peer.self && peer.state === "up").map(({ name }) => name);
  const owned = shares.map(({ name, ranges }) => `${name}: ${ranges.join(" ")}`).toSorted();
  return { node: node.name, up: new Set(up), ranges: owned.join("\n") };
}
