/** Whole nodes whose discovery carries rumours: what all share reaches all, whoever has a session with whom. */
import assert from "node:assert/strict";
import type { Plugin } from "../../core/contracts/plugin.ts";
import type { Millis } from "../../core/contracts/values.ts";
import { readNetwork } from "../../core/node/state_records.ts";
import { gossip } from "../../plugins/gossip/mod.ts";
import { staticSeeds } from "../../plugins/static_seeds/mod.ts";
import { test } from "../harness.ts";
import { type SimNode, SimWorld, type WorldOptions } from "./world.ts";

const discovery = [staticSeeds({ seeds: [] }), gossip({})];

async function meshOf(
  size: number,
  options: WorldOptions & { readonly seed: number; readonly loss?: number },
): Promise<{ world: SimWorld; nodes: readonly SimNode[] }> {
  const { seed, loss = 0, ...rest } = options;
  const world = new SimWorld(seed, { jitter: 3, loss }, { plugins: { discovery }, ...rest });
  const nodes = await world.mesh(...Array.from({ length: size }, (_, i) => `n${i}`));
  await world.clock.advance(20_000);
  return { world, nodes };
}

async function timeUntil(world: SimWorld, limit: Millis, done: () => boolean): Promise<Millis> {
  const since = world.clock.now();
  while (!done() && world.clock.now() - since < limit) await world.clock.advance(250);
  return world.clock.now() - since;
}

/** Members as a node knows them, and the owners of all addresses. */
function known({ node, ipam }: SimNode): string {
  const members = node.peers().map(({ name }) => name).sort();
  const ranges = [...ipam.routes.routes()].map((route) => JSON.stringify(route)).sort();
  return `${members} ${ranges}`;
}

function agree(nodes: readonly SimNode[]): boolean {
  return new Set(nodes.map(known)).size === 1;
}

test("of five nodes with two sessions each all hear of a newcomer within seconds, with a tenth of all datagrams lost", async () => {
  const { world, nodes } = await meshOf(5, { seed: 411, loss: 0.1, standingSessions: 2 });
  await using _ = world;
  const { token } = await world.run(nodes[3]!.node.tokens.create());
  const newcomer = await world.start("late", { join: { token } });
  const took = await timeUntil(world, 30_000, () => agree([...nodes, newcomer]));
  assert.ok(took <= 10_000, `${took} ms`);
});

/** As gossip, but not on the node of this name. */
function gossipBut(name: string): Plugin<"discovery"> {
  const real = gossip({});
  const none = staticSeeds({ seeds: [] });
  return { ...real, create: (host) => (host.self.name === name ? none : real).create(host) };
}

test("one of four that does not gossip is called dead by nobody in ten minutes, and hears of all that is new", async () => {
  const plugins = { discovery: [staticSeeds({ seeds: [] }), gossipBut("n2")] };
  const { world, nodes } = await meshOf(4, { seed: 412, plugins });
  await using _ = world;
  const downs: string[] = [];
  const watching = new AbortController();
  for (const { name, node } of nodes) {
    node.events.on("peer:down", (event) => downs.push(`${name}: ${event.name}`), watching.signal);
  }
  await world.clock.advance(600_000);
  watching.abort();
  assert.deepEqual(downs, []);
  const gone = nodes.flatMap(({ node }) => node.peers().filter(({ liveness }) => liveness === "dead"));
  assert.deepEqual(gone, []);
  const { token } = await world.run(nodes[1]!.node.tokens.create());
  const newcomer = await world.start("late", { join: { token } });
  const took = await timeUntil(world, 30_000, () => agree([...nodes, newcomer]));
  assert.ok(took <= 5_000, `${took} ms`);
});

/** The number of the network key that a node has on its disk as the newest. */
function newestKey(world: SimWorld, { name }: SimNode): number {
  const disk = new Map(world.disk(name).image.entries("node/network"));
  const store = { get: (key: string) => disk.get(key), entries: () => [], commit: () => Promise.resolve() };
  return Math.max(...readNetwork(store)!.keys.map(({ epoch }) => epoch));
}

const ofTwelve = async () => {
  const { world, nodes } = await meshOf(12, { seed: 413, loss: 0.05, standingSessions: 3 });
  await using _ = world;
  assert.ok(agree(nodes));
  await world.run(nodes[10]!.node.members.revoke("n5"));
  const members = world.nodes().filter(({ name }) => name !== "n5");
  const keyed = () => new Set(members.map((node) => newestKey(world, node))).size === 1;
  const keyTook = await timeUntil(world, 60_000, keyed);
  assert.ok(keyTook <= 10_000, `the key took ${keyTook} ms`);
  world.network.partition(nodes.slice(8).map(({ host }) => host));
  await world.run(nodes[2]!.node.members.revoke("n8"));
  world.crash(nodes[7]!);
  // Tokens of the key before are void where the new one is known.
  await world.clock.advance(5_000);
  const { token } = await world.run(nodes[3]!.node.tokens.create());
  await world.start("late", { join: { token } });
  await world.clock.advance(40_000);
  world.network.heal();
  const left = world.nodes().filter(({ name }) => name !== "n5" && name !== "n8");
  const took = await timeUntil(world, 60_000, () => agree(left));
  assert.ok(took <= 30_000, `${took} ms`);
};

test(
  "twelve nodes with three sessions each have a new key within 10 s, and agree within 30 s after a third of them was cut off",
  ofTwelve,
  { once: "a mesh of twelve whole nodes: seconds of work", limit: 180_000 },
);
