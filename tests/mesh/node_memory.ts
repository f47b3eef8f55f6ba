/**
 * What a whole node keeps for each member that it knows: `createNode` with the plugins of a configuration that says
 * nothing, on simulated time and network, with the state of a great network on its disk. The figure is the growth of heap
 * and array buffers from a node that knows half of the members to one that knows all, over the members that are more: what
 * a node has whatever the size of its network is left out.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Plugin } from "../../core/contracts/plugin.ts";
import type { RumourEnds, Rumours } from "../../core/contracts/rumours.ts";
import { openFounding } from "../../core/identity/founding.ts";
import { decodeIdentity, openSelf } from "../../core/identity/identity.ts";
import { encodeRecords } from "../../core/node/state_message.ts";
import { readNetwork, storeKeys } from "../../core/node/state_records.ts";
import { silentLogger } from "../../core/node/silent_logger.ts";
import { meshScopeUpTo } from "../../core/topology/link_scope.ts";
import { gossip } from "../../plugins/gossip/mod.ts";
import { sqlite } from "../../plugins/sqlite/mod.ts";
import { staticSeeds } from "../../plugins/static_seeds/mod.ts";
import { SimRandom } from "../sim/random.ts";
import { type SimNode, SimWorld } from "../sim/world.ts";
import { type Crowd, crowdOf } from "./crowd.ts";
import { usedBytes } from "./memory.ts";

/** The first node has code compiled and tables made that all share; of so many members nearly all of it. */
const warmUp = 300;
/** Of one state message. */
const linksAtATime = 2;

export interface NodeMemory {
  /** For each further member. */
  readonly perMember: number;
  /** Of the records alone, as they travel. */
  readonly recordBytes: number;
}

export async function nodeMemory(nodes: number, seed: number): Promise<NodeMemory> {
  const half = Math.floor(nodes / 2);
  await measure(warmUp, seed);
  const small = await measure(half, seed);
  const large = await measure(nodes, seed);
  const more = nodes - half;
  return { perMember: (large.used - small.used) / more, recordBytes: (large.told - small.told) / more };
}

/** Bytes that a node with so many members holds, and those of the members' records. */
export async function measure(members: number, seed: number): Promise<{ used: number; told: number }> {
  const directory = mkdtempSync(join(tmpdir(), "selvage-memory-"));
  try {
    await found(directory, seed);
    const { links, ids, bytes } = await settle(directory, members);
    const kept = { links, ids };
    const before = usedBytes();
    await using world = await startWith(directory, seed, kept);
    requireAll(world.nodes()[0]!, members);
    return { used: usedBytes() - before, told: bytes };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What was refused for some bound would make the node lighter than it is. */
function requireAll({ node, ipam }: SimNode, members: number): void {
  const known = node.members.list().length;
  const routes = [...ipam.routes.routes()].length;
  if (known === members + 1 && routes === 2 * (members + 1)) return;
  throw new Error(`the node knows ${known} members and ${routes} routes: ${members} others were told`);
}

/** A node that founds, and stops. */
async function found(directory: string, seed: number): Promise<void> {
  await using world = worldOn(directory, seed, () => {});
  await world.found("n0");
}

/** Puts the state of `members` others beside that of the founder. */
async function settle(directory: string, members: number): Promise<Omit<Crowd, "changes">> {
  const random = new SimRandom(members);
  const store = sqlite({ directory }).create({ random, log: silentLogger } as never);
  await store.start?.(new AbortController().signal);
  try {
    const founder = openSelf(decodeIdentity(store.get(storeKeys.identity)!), "n0");
    const founding = openFounding(readNetwork(store)!.founding)!;
    const crowd = crowdOf({ members, founder, founding, tellsLinks: members < meshScopeUpTo });
    for (let at = 0; at < crowd.changes.length; at += 256) {
      await store.commit(crowd.changes.slice(at, at + 256));
    }
    return { links: crowd.links, ids: crowd.ids, bytes: crowd.bytes };
  } finally {
    await store[Symbol.asyncDispose]?.();
  }
}

async function startWith(
  directory: string,
  seed: number,
  { links, ids }: Pick<Crowd, "links" | "ids">,
): Promise<SimWorld> {
  let ends: RumourEnds | undefined;
  const world = worldOn(directory, seed, (given) => {
    ends = given;
  });
  await world.start("n0");
  for (let at = 0; at < links.length; at += linksAtATime) {
    // A moment for each, and for the last ones a long one: what is kept of the mesh as it was a second ago goes with them.
    await world.clock.advance(at + linksAtATime < links.length ? 10 : 20_000);
    ends!.receive(ids[at]!, encodeRecords(links.slice(at, at + linksAtATime)));
  }
  // As whoever has neighbours tells it with every beat; of it come the trees over all records.
  ends!.digest();
  await world.clock.advance(1_000);
  return world;
}

function worldOn(directory: string, seed: number, given: (ends: RumourEnds) => void): SimWorld {
  const world = new SimWorld(seed, {}, {
    plugins: {
      store: sqlite({ directory }),
      discovery: [staticSeeds({ seeds: [] }), overheard(gossip({}), given)],
    },
  });
  tick(world);
  return world;
}

/** The disk is a real one: simulated time has to pass while it writes, and not to run away. */
function tick({ clock }: SimWorld): void {
  clock.timer(clock.now() + 1, () => tick({ clock } as SimWorld));
}

/** The plugin itself, and a way to say to its node what members would. */
function overheard(plugin: Plugin<"discovery">, given: (ends: RumourEnds) => void): Plugin<"discovery"> {
  return {
    ...plugin,
    create: (host) => {
      const made = plugin.create(host) as ReturnType<typeof plugin.create> & Rumours;
      const carryFor = made.carryFor.bind(made);
      made.carryFor = (ends) => {
        given(ends);
        carryFor(ends);
      };
      return made;
    },
  };
}
