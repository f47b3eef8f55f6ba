/** Whole nodes that gossip: what each knows of the others through crashes, pauses and partitions. */
import assert from "node:assert/strict";
import type { Millis } from "../../core/contracts/values.ts";
import { gossip } from "../../plugins/gossip/mod.ts";
import { MessageType } from "../../plugins/noise/wire.ts";
import { staticSeeds } from "../../plugins/static_seeds/mod.ts";
import { test } from "../harness.ts";
import { type SimNode, SimWorld } from "./world.ts";

const discovery = [staticSeeds({ seeds: [] }), gossip({})];

/** A mesh of `size` nodes that has been at rest for a minute. */
async function meshOf(seed: number, size: number): Promise<{ world: SimWorld; nodes: readonly SimNode[] }> {
  const world = new SimWorld(seed, { jitter: 3 }, { plugins: { discovery } });
  const nodes = await world.mesh(...Array.from({ length: size }, (_, i) => `n${i}`));
  await world.clock.advance(60_000);
  return { world, nodes };
}

/** What `node` knows of the others, without those that are well. */
function unwell({ node }: SimNode): string {
  const others = node.peers().filter(({ self, liveness }) => !self && liveness !== "alive");
  return others.map(({ name, liveness }) => `${name} ${liveness}`).sort().join(", ");
}

/** Whether all of them know just this. */
function agree(nodes: readonly SimNode[], expected: string): boolean {
  return nodes.every((node) => unwell(node) === expected);
}

/** Time until all know just this. */
async function timeUntil(world: SimWorld, limit: Millis, done: () => boolean): Promise<Millis> {
  const since = world.clock.now();
  while (!done() && world.clock.now() - since < limit) await world.clock.advance(100);
  return world.clock.now() - since;
}

/** Lets time pass, and gives whom it found called dead or gone meanwhile, and by whom. */
async function buried(
  world: SimWorld,
  nodes: readonly SimNode[],
  millis: Millis,
): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const end = world.clock.now() + millis; world.clock.now() < end;) {
    await world.clock.advance(500); // whoever is buried stays so for seconds
    for (const { name: witness, node } of nodes) {
      for (const { name, liveness } of node.peers()) {
        if (liveness === "dead" || liveness === "left") found.add(`${name} at ${witness}`);
      }
    }
  }
  return [...found];
}

for (const [seed, size] of [[301, 5], [302, 20]] as const) {
  const reason = "many whole nodes; on both runtimes it is five";
  const where = size === 5 ? {} : { limit: 300_000, once: reason, on: "node" } as const;
  test(
    `of ${size} nodes one crashes: all know within 8 s, and when it is back all know that too`,
    async () => {
      const { world, nodes } = await meshOf(seed, size);
      await using _ = world;
      assert.deepEqual(nodes.map(unwell), nodes.map(() => ""));
      const [victim, ...others] = nodes.toReversed();
      world.crash(victim!);
      const known = await timeUntil(world, 20_000, () => agree(others, `${victim!.name} dead`));
      assert.ok(known <= 8_000, `${known} ms`); // half of them are known within 5 s: see tests/mesh
      // A session is asked before it ends: nothing more has come of it after 7 s.
      const ended = () => others.every(({ node }) => node.status().connections.established === size - 2);
      assert.ok(await timeUntil(world, 10_000, ended) <= 7_500);
      await world.clock.advance(60_000);
      const again = await world.start(victim!.name);
      const back = await timeUntil(world, 20_000, () => agree([...others, again], ""));
      assert.ok(back <= 5_000, `${back} ms`);
      await world.settle(20_000);
      await world.ping(others[0]!, again);
    },
    where,
  );

  test(`of ${size} nodes one stands still for 10 s: nobody that is well is called dead`, async () => {
    const { world, nodes } = await meshOf(seed + 10, size);
    await using _ = world;
    const [sleeper, ...others] = nodes;
    for (let round = 0; round < (size < 10 ? 3 : 1); round++) {
      world.pause(sleeper!, 10_000);
      const dead = await buried(world, nodes, 40_000);
      assert.deepEqual(dead.filter((text) => !text.startsWith(`${sleeper!.name} `)), []);
      assert.ok(agree(nodes, ""), nodes.map(unwell).join(" | "));
    }
    await world.settle(20_000);
    for (const other of others.slice(0, 4)) await world.ping(other, sleeper!);
  }, where);

  test(
    `${size} nodes fall apart in two and come together: within 30 s they agree and talk to each other`,
    async () => {
      const { world, nodes } = await meshOf(seed + 20, size);
      await using _ = world;
      const [left, right] = [nodes.slice(0, size >> 1), nodes.slice(size >> 1)];
      world.network.partition(left.map(({ host }) => host));
      await world.clock.advance(60_000);
      const gone = (side: readonly SimNode[]) => side.map(({ name }) => `${name} dead`).sort().join(", ");
      assert.ok(agree(left, gone(right)) && agree(right, gone(left)), nodes.map(unwell).join(" | "));
      world.network.heal();
      const healed = await timeUntil(world, 60_000, () => agree(nodes, ""));
      assert.ok(healed <= 30_000, `${healed} ms`);
      await world.settle(30_000);
      await world.ping(left[0]!, right[0]!);
    },
    where,
  );
}

test("a node that is stopped has left, as all know at once, and is not sought", async () => {
  const { world, nodes } = await meshOf(330, 5);
  await using _ = world;
  const [leaver, ...others] = nodes.toReversed();
  await world.stop(leaver!);
  const known = await timeUntil(world, 10_000, () => agree(others, `${leaver!.name} left`));
  assert.ok(known <= 1_000, `${known} ms`);
  await world.clock.advance(120_000);
  assert.ok(agree(others, `${leaver!.name} left`));
  const again = await world.start(leaver!.name);
  assert.ok(await timeUntil(world, 10_000, () => agree([...others, again], "")) <= 5_000);
});

test("whoever is revoked is nobody's member any more, and its notes are not heard", async () => {
  const { world, nodes: [a, b, c] } = await meshOf(331, 3);
  await using _ = world;
  await world.run(a!.node.members.revoke("n2"));
  await world.clock.advance(30_000);
  for (const node of [a!, b!]) {
    assert.deepEqual(node.node.peers().filter(({ name }) => name === "n2"), []);
    assert.equal(unwell(node), "");
  }
  assert.ok(c!.node.peers().every(({ self, state }) => self || state === "down"));
});

test("an endpoint that the operator has named is tried on when the member there is dead, by whoever it may be there next", async () => {
  const seeded = [staticSeeds({ seeds: ["192.0.2.1:6783"] }), gossip({})];
  await using world = new SimWorld(332, {}, { plugins: { discovery: seeded } });
  const [first, ...others] = await world.mesh("n0", "n1", "n2");
  await world.clock.advance(30_000);
  world.crash(first!);
  await world.clock.advance(30_000);
  assert.ok(agree(others, "n0 dead"));
  const asked = new Set<string>();
  world.network.watch(({ what, from, to, datagram }) => {
    if (what === "sent" && to.host === first!.host && datagram[0] === MessageType.whoIs) asked.add(from.host);
  });
  await world.clock.advance(10_000);
  assert.deepEqual([...asked].sort(), others.map(({ host }) => host).sort());
  const again = await world.start("n0");
  await world.settle(20_000);
  assert.deepEqual(others.map(({ node }) => node.targets()[0]!.state), ["established", "established"]);
  assert.ok(await timeUntil(world, 10_000, () => agree([...others, again], "")) <= 5_000);
});
