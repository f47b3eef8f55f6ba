import assert from "node:assert/strict";
import { errorCode } from "../../core/contracts/errors.ts";
import { test } from "../harness.ts";
import { type SimNode, SimWorld } from "./world.ts";

const port = 6783;

function peersUp({ node }: SimNode): readonly string[] {
  return node.peers().filter(({ state }) => state === "up").map(({ name }) => name).sort();
}

function addresses(nodes: readonly SimNode[]): readonly (readonly string[])[] {
  return nodes.map(({ node }) => node.status().addresses);
}

test("a node that moves to another address keeps its sessions, and both ways follow it", async () => {
  await using world = new SimWorld(21);
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  const heard: string[] = [];
  const { signal } = new AbortController();
  a!.node.events.onAny((name) => void (name.startsWith("peer:") && heard.push(name)), signal);
  world.network.move({ host: b!.host, port }, { host: "192.0.2.99", port });
  await world.ping(b!, a!);
  await world.ping(a!, b!);
  assert.deepEqual(heard, ["peer:roamed"], "no session was lost");
  assert.equal(a!.node.connections()[0]!.endpoint, `192.0.2.99:${port}`);
});

test("a partition of a minute heals to the full mesh, with the same members and addresses", async () => {
  await using world = new SimWorld(22);
  const nodes = await world.mesh("a", "b", "c", "d");
  await world.settle();
  const before = addresses(nodes);
  world.network.partition([nodes[0]!.host, nodes[1]!.host]);
  await world.clock.advance(60_000);
  assert.deepEqual(nodes.map(peersUp), [["a", "b"], ["a", "b"], ["c", "d"], ["c", "d"]]);
  for (const each of nodes) assert.equal(each.node.peers().length, 4, "nobody is forgotten");
  await world.ping(nodes[0]!, nodes[1]!);
  await world.ping(nodes[2]!, nodes[3]!);
  world.network.heal();
  await world.settle(15_000);
  assert.deepEqual(addresses(nodes), before);
  await world.ping(nodes[0]!, nodes[3]!);
  await world.ping(nodes[2]!, nodes[1]!, 6);
  for (const each of nodes) assert.equal(each.node.status().healthy, true);
});

test("a way that is cut in one direction only is noticed by both ends, and comes back", async () => {
  await using world = new SimWorld(23);
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  const down: string[] = [];
  for (const { name, node } of [a!, b!]) {
    node.events.on("peer:down", () => void down.push(name), new AbortController().signal);
  }
  world.network.cut(a!.host, b!.host);
  await world.clock.runUntil(() => down.length === 2, 45_000);
  assert.deepEqual(down.toSorted(), ["a", "b"]);
  world.network.mend(a!.host, b!.host);
  await world.settle(15_000);
  await world.ping(a!, b!);
});

test("a name given on both sides of a partition ends with one owner that all agree on", async () => {
  await using world = new SimWorld(24);
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  const tokens = [];
  for (const each of [a!, b!]) tokens.push((await world.run(each.node.tokens.create())).token);
  world.network.partition([a!.host, "192.0.2.71"], [b!.host, "192.0.2.72"]);
  const first = await world.startAt("web", "192.0.2.71", { join: { token: tokens[0]! } });
  await world.clock.advance(1_000);
  const second = await world.startAt("Web", "192.0.2.72", { join: { token: tokens[1]! } });
  world.network.heal();
  await world.settle();
  const signal = new AbortController().signal;
  const owner = first.node.status().addresses[0];
  for (const from of [a!, b!, second]) {
    const reply = await world.run(from.node.ping("WEB", { family: 4 }, signal));
    assert.equal(reply.from, owner, `${from.name} means the one that had the name first`);
  }
  for (const { name, node } of [a!, b!, first, second]) {
    const alerts = node.status().alerts.map((alert) => alert.name);
    assert.ok(alerts.includes("name-clash:web"), `${name} says that the name was given twice`);
  }
  const { token } = await world.run(b!.node.tokens.create());
  const late = world.startAt("wEb", "192.0.2.73", { join: { token } });
  assert.equal(await late.then(() => "none", errorCode), "NAME_TAKEN");
});

test("nodes that have stopped leave no timer behind, also when one stops inside of an event", async () => {
  const world = new SimWorld(25);
  const [a, b, c] = await world.mesh("a", "b", "c");
  await world.settle();
  const { signal } = new AbortController();
  const stopped = Promise.withResolvers<void>();
  a!.node.events.on("peer:down", () => stopped.resolve(a!.node[Symbol.asyncDispose]()), signal);
  await world.stop(b!);
  await world.run(stopped.promise);
  await world.stop(a!);
  await world.stop(c!);
  await world.clock.advance(1_000);
  assert.equal(world.clock.pending, 0);
});
