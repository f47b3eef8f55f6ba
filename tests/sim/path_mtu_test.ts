import assert from "node:assert/strict";
import { noise } from "../../plugins/noise/mod.ts";
import { MessageType } from "../../plugins/noise/wire.ts";
import { test } from "../harness.ts";
import { type SimNode, SimWorld } from "./world.ts";

const { signal } = new AbortController();

function addressOf({ node }: SimNode, family: 4 | 6): string {
  return node.status().addresses.find((text) => text.includes(":") === (family === 6))!;
}

function mtuOf(from: SimNode, to: SimNode): number {
  return from.node.connections().find(({ name }) => name === to.name)!.mtu;
}

/** Pings of `size` until one comes back; gives the milliseconds that took, two seconds a try. */
async function untilPing(world: SimWorld, [from, to]: readonly SimNode[], size: number): Promise<number> {
  const began = world.clock.now();
  for (let i = 0; i < 20; i++) {
    const reply = world.run(from!.node.ping(addressOf(to!, 6), { size, timeoutMillis: 500 }, signal));
    if (await reply.then(() => true, () => false)) return world.clock.now() - began;
  }
  throw new Error(`no ping of ${size} bytes comes back`);
}

test("a path that falls to 700 bytes carries IPv6 of 1,280 bytes again within 5 s, and through renewals of the session", async () => {
  await using world = new SimWorld(301);
  const nodes = await world.mesh("a", "b");
  await world.settle();
  await world.clock.advance(10_000);
  assert.equal(mtuOf(nodes[0]!, nodes[1]!), 1_432, "what status shows is measured");
  world.network.setFaults({ mtu: 700 });
  const took = await untilPing(world, nodes, 1_232);
  assert.ok(took <= 5_000, `${took} ms`);
  let downs = 0;
  for (const { node } of nodes) node.events.on("peer:down", () => void downs++, signal);
  for (let minute = 0; minute < 10; minute++) {
    await world.clock.advance(60_000);
    await world.run(
      nodes[minute % 2]!.node.ping(addressOf(nodes[1 - minute % 2]!, 6), { size: 1_232 }, signal),
    );
    await world.run(nodes[0]!.node.ping(addressOf(nodes[1]!, 4), { size: 560 }, signal));
  }
  assert.equal(downs, 0);
  const mtu = mtuOf(nodes[0]!, nodes[1]!);
  assert.ok(mtu <= 632 && mtu > 592, `${mtu}`);
  assert.deepEqual(nodes[0]!.node.drops()["incomplete"] ?? 0, 0);
});

test("records that members share reach all over paths of 700 bytes", async () => {
  await using world = new SimWorld(302);
  const [a, b, c] = await world.mesh("a", "b", "c");
  await world.settle();
  world.network.setFaults({ mtu: 700 });
  await world.clock.advance(30_000);
  await world.run(a!.node.members.revoke("c"));
  await world.clock.advance(30_000);
  assert.equal(b!.node.members.list().find(({ name }) => name === "c")!.state, "revoked");
  assert.equal(c!.name, "c");
});

test("over jumbo frames a packet of 8,872 bytes is one datagram, and status shows how much passes", async () => {
  const encapsulation = noise({ underlayMtu: 9_000 });
  await using world = new SimWorld(303, { mtu: 9_000 }, { plugins: { encapsulation } });
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  await world.clock.advance(5_000);
  assert.equal(mtuOf(a!, b!), 8_932);
  const longest = longestSent(world);
  await world.run(a!.node.ping(addressOf(b!, 4), { size: 8_844 }, signal));
  assert.equal(longest(), 8_872 + 36, "the MTU of the endpoint, with GRE without a key, header and tag");
});

test("a node with jumbo frames and one without find what the path between them carries", async () => {
  const encapsulation = noise({ underlayMtu: 9_000 });
  await using world = new SimWorld(304, { mtu: 1_500 }, { plugins: { encapsulation } });
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  const ping = (size: number) => world.run(a!.node.ping(addressOf(b!, 4), { size }, signal));
  await ping(8_000); // in parts
  await world.clock.advance(60_000);
  const mtu = mtuOf(a!, b!);
  assert.ok(mtu <= 1_432 && mtu > 1_392, `${mtu}`);
  await assert.rejects(ping(8_000), { message: /larger than the path takes/ });
  await ping(1_400 - 28);
});

test("with one datagram of twenty lost, losses are told apart from sizes: no large packet stalls for 5 s", async () => {
  await using world = new SimWorld(305, { loss: 0.05 });
  const nodes = await world.mesh("a", "b");
  await world.settle();
  let longest = 0;
  for (let i = 0; i < 200; i++) {
    longest = Math.max(longest, await untilPing(world, nodes, 1_232));
    await world.clock.advance(200);
  }
  assert.ok(longest < 5_000, `${longest} ms`);
});

/** Bytes of the longest datagram with data sent from now on. */
function longestSent({ network }: SimWorld): () => number {
  let longest = 0;
  network.watch(({ what, datagram }) => {
    if (what === "sent" && datagram[0] === MessageType.data) longest = Math.max(longest, datagram.length);
  });
  return () => longest;
}
