import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { type SimNode, SimWorld } from "./world.ts";

/** Names of the peers with a session, at each node. */
function sessions(nodes: readonly SimNode[]): readonly string[] {
  return nodes.map(({ node }) =>
    node.connections().filter(({ state }) => state === "established").map(({ name }) => name).sort().join(",")
  );
}

/** Three nodes and two links; the ends that have none come last. */
async function chain(seed: number): Promise<{ world: SimWorld; nodes: readonly SimNode[] }> {
  const world = new SimWorld(seed, {}, { standingSessions: 1 });
  const nodes = await world.mesh("a", "b", "c");
  await world.clock.advance(10_000);
  const ends = nodes.filter((node) => sessions([node])[0]!.length === 1);
  assert.equal(
    ends.length,
    2,
    `each stands with one, and answers whoever calls: ${sessions(nodes).join(" | ")}`,
  );
  return { world, nodes: [...nodes.filter((node) => !ends.includes(node)), ...ends] };
}

test("beyond the standing sessions a packet makes one, which ends when nothing has crossed for five minutes", async () => {
  const { world, nodes: [hub, one, other] } = await chain(91);
  await using _ = world;
  const apart = [hub!.name, hub!.name], linked = [`${hub!.name},${other!.name}`, `${hub!.name},${one!.name}`];
  await world.ping(one!, other!);
  await world.ping(other!, one!);
  assert.deepEqual(sessions([one!, other!]), linked);
  for (let minute = 0; minute < 8; minute++) {
    await world.ping(one!, other!);
    await world.clock.advance(60_000);
  }
  assert.deepEqual(sessions([one!, other!]), linked, "it is in use");
  await world.clock.advance(300_000);
  assert.deepEqual(sessions([one!, other!]), apart);
  await world.clock.advance(120_000);
  assert.deepEqual(sessions([one!, other!]), apart, "and nobody goes on calling");
  await world.ping(other!, one!);
});

test("both ends call each other at once, and no packet is lost", async () => {
  const { world, nodes: [, one, other] } = await chain(92);
  await using _ = world;
  const pings = Array.from({ length: 8 }, () => [pingOf(one!, other!), pingOf(other!, one!)]).flat();
  await world.run(Promise.all(pings));
  for (const { node } of [one!, other!]) assert.equal(node.status().drops["noSession"] ?? 0, 0);
});

test("what is sent to a member that is gone waits five seconds, is counted, and calls it anew when it is back", async () => {
  const { world, nodes: [, one, other] } = await chain(93);
  await using _ = world;
  const ping = pingOf(one!, other!, 20_000);
  world.crash(other!);
  await assert.rejects(world.run(ping));
  assert.equal(one!.node.status().drops["noSession"], 1);
  const again = await world.start(other!.name);
  await world.ping(one!, again);
});

function pingOf(from: SimNode, to: SimNode, timeoutMillis = 5_000): Promise<unknown> {
  const address = to.node.status().addresses.find((text) => !text.includes(":"))!;
  return from.node.ping(address, { timeoutMillis }, new AbortController().signal);
}
