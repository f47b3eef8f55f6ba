/** Whole nodes of which not everybody sees everybody: ways over relays, and what status tells of them. */
import assert from "node:assert/strict";
import type { Millis } from "../../core/contracts/values.ts";
import { noise } from "../../plugins/noise/mod.ts";
import { test } from "../harness.ts";
import { type SimNode, SimWorld } from "./world.ts";

/** Nodes that see only those beside them, each admitted by the one before it. */
async function chain(world: SimWorld, names: string): Promise<readonly SimNode[]> {
  const hosts = [...names].map((name) => world.machine(name).host);
  for (const [i, one] of hosts.entries()) {
    for (const [j, other] of hosts.entries()) if (Math.abs(i - j) > 1) world.network.cut(one, other);
  }
  const nodes = [await world.found(names[0]!)];
  for (const name of names.slice(1)) {
    const { token } = await world.run(nodes.at(-1)!.node.tokens.create());
    nodes.push(await world.start(name, { join: { token } }));
  }
  return nodes;
}

/** How `node` reaches the others: `c over b`; those without a session in brackets. */
function waysOf({ node }: SimNode): readonly string[] {
  return node.peers().filter(({ self }) => !self).map(({ name, way, state }) => {
    const via = way?.via.map((relay) => relay.name).join() ?? "";
    const text = [name, way?.way, ...via === "" ? [] : [`over ${via}`]].join(" ");
    return state === "up" ? text : `(${text})`;
  }).sort();
}

async function until(world: SimWorld, done: () => boolean, limit: Millis): Promise<Millis> {
  const since = world.clock.now();
  while (!done() && world.clock.now() - since < limit) await world.clock.advance(100);
  return world.clock.now() - since;
}

test("in a row of five all talk to all over those in between, and when the middle one is back after its end, again", async () => {
  await using world = new SimWorld(602);
  const nodes = await chain(world, "abcde");
  const [a, , c, , e] = nodes;
  const whole = ["b direct", "c relayed over b", "d relayed over b,c", "e relayed over b,c,d"];
  assert.ok(await until(world, () => waysOf(a!).join() === whole.join(), 10_000) <= 5_000);
  for (const { name, relay } of a!.node.connections()) assert.equal(relay === null, name === "b");
  assert.equal(await world.ping(a!, e!), 8);
  assert.equal(await world.ping(e!, a!), 8);

  world.crash(c!);
  const parted = ["(c unreachable)", "(d unreachable)", "(e unreachable)", "b direct"];
  assert.ok(await until(world, () => waysOf(a!).join() === parted.join(), 60_000) <= 30_000);
  const [, , reason] = a!.node.peers().filter(({ self }) => !self).map(({ way }) => way!.reason);
  assert.match(reason!, /^no path to it$|^no other node confirms a link to it$/);
  await world.ping(e!, nodes[3]!);

  await world.start("c");
  const isWhole = () => [a!, e!].every((end) => waysOf(end).every((way) => !way.startsWith("(")));
  assert.ok(await until(world, isWhole, 60_000) <= 10_000);
  await world.ping(a!, e!);
});

test("the nearest of two relays is taken, the other one when it is gone, and an address as soon as there is one", async () => {
  await using world = new SimWorld(603);
  const names = ["far", "near", "a", "c"];
  const host = new Map(names.map((name) => [name, world.machine(name).host]));
  for (const end of ["a", "c"]) {
    world.network.setLink(host.get("far")!, host.get(end)!, { delay: 40 });
    world.network.setLink(host.get(end)!, host.get("far")!, { delay: 40 });
  }
  for (const [one, other] of [["a", "c"], ["c", "a"]] as const) {
    world.network.cut(host.get(one)!, host.get(other)!);
  }
  const [, near, a, c] = await world.mesh(...names);
  const wayToC = () => waysOf(a!).find((way) => /^.?c /.test(way));
  assert.ok(await until(world, () => wayToC() === "c relayed over near", 20_000) < 20_000, `${wayToC()}`);
  assert.equal(await world.ping(a!, c!), 4);

  world.crash(near!);
  assert.ok(await until(world, () => wayToC() === "c relayed over far", 60_000) <= 30_000, `${wayToC()}`);
  await world.ping(a!, c!);

  world.network.mend(host.get("a")!, host.get("c")!);
  world.network.mend(host.get("c")!, host.get("a")!);
  assert.ok(await until(world, () => wayToC() === "c direct", 60_000) <= 10_000, `${wayToC()}`);
});

test("a node that passes nothing on is nobody's relay, and status says why there is no way", async () => {
  await using world = new SimWorld(604, {}, { plugins: { encapsulation: noise({ relay: "never" }) } });
  const [a] = await chain(world, "abc");
  await world.clock.advance(5_000);
  const c = a!.node.peers().find(({ name }) => name === "c");
  assert.deepEqual([c!.state, c!.way!.way, c!.way!.reason], [
    "down",
    "unreachable",
    "none of the nodes in between passes packets on",
  ]);
});
