import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { type SimNode, SimWorld } from "./world.ts";

const size = 20;
/** Some two hundred handshakes with reference cryptography take a while on a busy machine. */
const limit = 600_000;

/** Every pair of a ring of nodes, so that each has sent and been sent to. */
async function pingAround(world: SimWorld, nodes: readonly SimNode[]): Promise<void> {
  for (const [i, from] of nodes.entries()) {
    await world.ping(from, nodes[(i + 7) % nodes.length]!, i % 2 === 0 ? 4 : 6);
  }
}

function requireOneMesh(nodes: readonly SimNode[]): void {
  const addresses = nodes.flatMap(({ node }) => node.status().addresses);
  assert.equal(new Set(addresses).size, 2 * nodes.length, "everybody has addresses of its own");
  for (const { name, node } of nodes) {
    assert.equal(node.peers().filter(({ state }) => state === "up").length, nodes.length, name);
    assert.deepEqual(
      node.ipam().shares.map(({ peer }) => peer).sort(),
      nodes.map((each) => each.node.id).sort(),
    );
  }
}

test(
  "twenty nodes join at once; one stands still and one is cut off for a while, and the mesh is whole again",
  async () => {
    await using world = new SimWorld(101, { jitter: 5, loss: 0.02 });
    const founder = await world.found("n0");
    const { token } = await world.run(founder.node.tokens.create());
    const joiners = Array.from({ length: size - 1 }, (_, i) => [`n${i + 1}`, { join: { token } }] as const);
    const nodes = [founder, ...await world.startTogether(joiners)];
    await world.settle();
    await world.clock.advance(5_000);
    requireOneMesh(nodes);
    world.network.setFaults({ jitter: 5 });
    const [still, cutOff] = [nodes[3]!, nodes[8]!];
    const before = nodes.map(({ node }) => node.status().addresses);
    world.pause(still, 40_000);
    world.network.partition([cutOff.host]);
    await world.clock.advance(35_000);
    const up = nodes[0]!.node.peers().filter(({ state }) => state === "up");
    assert.deepEqual(up.length, size - 2);
    world.network.heal();
    await world.settle();
    await world.clock.advance(35_000);
    requireOneMesh(nodes);
    assert.deepEqual(nodes.map(({ node }) => node.status().addresses), before);
    await pingAround(world, nodes);
  },
  { limit, once: "hundreds of handshakes; the trace is the same on every runtime", on: "node" },
);

test("twenty nodes that join one after the other, each through the last one, form one mesh", async () => {
  await using world = new SimWorld(102, { jitter: 5 });
  const nodes = [await world.found("n0")];
  while (nodes.length < size) {
    const { token } = await world.run(nodes.at(-1)!.node.tokens.create());
    nodes.push(await world.start(`n${nodes.length}`, { join: { token } }));
  }
  await world.settle();
  await world.clock.advance(35_000);
  requireOneMesh(nodes);
  await pingAround(world, nodes);
}, { limit, once: "hundreds of handshakes; the trace is the same on every runtime", on: "node" });

test("when all nodes are killed and start at the same moment, the mesh is as it was", async () => {
  await using world = new SimWorld(103, { jitter: 5 });
  const names = ["a", "b", "c", "d", "e"];
  const before = await world.mesh(...names);
  await world.settle();
  const addresses = before.map(({ node }) => node.status().addresses);
  for (const node of before) world.crash(node);
  await world.clock.advance(1_000);
  const after = await world.startTogether(names.map((name) => [name, {}] as const));
  await world.settle(15_000);
  assert.deepEqual(after.map(({ node }) => node.status().addresses), addresses);
  await pingAround(world, after);
});

test("a founder that is destroyed with its disk right after the first join leaves a network that admits and grants", async () => {
  await using world = new SimWorld(104);
  const [founder, first] = await world.mesh("founder", "first");
  world.crash(founder!);
  world.disk("founder").restore([]);
  const nodes = [first!];
  for (const name of ["second", "third"]) {
    const { token } = await world.run(nodes.at(-1)!.node.tokens.create());
    nodes.push(await world.start(name, { join: { token } }));
  }
  await world.settle();
  const addresses = nodes.flatMap(({ node }) => node.status().addresses);
  assert.equal(new Set(addresses).size, 6);
  await world.ping(nodes[0]!, nodes[2]!);
  await world.ping(nodes[2]!, nodes[1]!, 6);
  // The same name, not the same node: the lost one stays a member until somebody revokes it.
  const { token } = await world.run(nodes[0]!.node.tokens.create());
  await assert.rejects(world.start("founder", { join: { token } }), { code: "NAME_TAKEN" });
  await world.run(nodes[1]!.node.members.revoke("founder"));
  await world.clock.advance(2_000); // for the new network key, without which the next token is void
  const fresh = await world.run(nodes[0]!.node.tokens.create());
  const again = await world.start("founder", { join: { token: fresh.token } });
  await world.settle();
  await world.ping(again, nodes[2]!);
});
