import assert from "node:assert/strict";
import { errorCode } from "../../core/contracts/errors.ts";
import { test } from "../harness.ts";
import { type SimNode, SimWorld } from "./world.ts";

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return await promise.then(() => "none", errorCode);
}

function upPeers({ node }: SimNode): readonly string[] {
  return node.peers().filter(({ state, self }) => state === "up" && !self).map(({ name }) => name).sort();
}

/** A token of one network key opens nothing where another one is in use: so this asks each node which key it has. */
async function haveOneKey(world: SimWorld, nodes: readonly SimNode[]): Promise<void> {
  for (const [i, maker] of nodes.entries()) {
    const { token } = await world.run(maker.node.tokens.create());
    const { host } = nodes[(i + 1) % nodes.length]!;
    const join = { token: token, endpoints: [{ host, port: 6783 }], timeoutMillis: 8_000 };
    const seeds = nodes.map((each) => each.host).filter((each) => each !== host);
    for (const seed of seeds) world.network.cut(`192.0.2.${100 + i}`, seed);
    await world.startAt(`probe${i}`, `192.0.2.${100 + i}`, { join });
  }
}

test("a revocation reaches a member that was cut off with the revoked one, and ends its session there", async () => {
  await using world = new SimWorld(41);
  const [a, b, c, thief] = await world.mesh("a", "b", "c", "thief");
  await world.settle();
  world.network.partition([a!.host, b!.host], [c!.host, thief!.host]);
  await world.clock.advance(30_000);
  await world.run(a!.node.members.revoke("thief"));
  await world.clock.advance(5_000);
  assert.deepEqual(upPeers(c!), ["thief"], "it cannot have heard");
  world.network.heal();
  await world.clock.advance(20_000);
  assert.deepEqual([a!, b!, c!].map(upPeers), [["b", "c"], ["a", "c"], ["a", "b"]]);
  await world.clock.advance(130_000);
  assert.deepEqual(upPeers(thief!), [], "nor does any session come back, at a rekey for one");
  for (const each of [a!, b!, c!]) {
    assert.deepEqual(each.node.peers().map(({ name }) => name).sort(), ["a", "b", "c"]);
  }
});

test("after a revocation every member has the new key, at one datagram in three lost", async () => {
  await using world = new SimWorld(42);
  const nodes = await world.mesh("a", "b", "c", "d", "thief");
  await world.settle();
  world.network.setFaults({ loss: 0.3 });
  await world.run(nodes[0]!.node.members.revoke("thief"));
  await world.clock.advance(95_000);
  world.network.setFaults({});
  await world.stop(nodes[4]!);
  await haveOneKey(world, nodes.slice(0, 4));
});

test("two members revoked one right after the other leave one key that neither knows", async () => {
  await using world = new SimWorld(43);
  const [a, b, first, second] = await world.mesh("a", "b", "first", "second");
  await world.settle();
  const tokens = [];
  for (const each of [first!, second!]) tokens.push((await world.run(each.node.tokens.create())).token);
  await world.run(Promise.all([a!.node.members.revoke("first"), a!.node.members.revoke("second")]));
  await world.clock.advance(5_000);
  for (const { name } of [first!, second!]) {
    assert.equal(a!.node.members.list().find((each) => each.name === name)!.state, "revoked");
  }
  tokens.push((await world.run(second!.node.tokens.create())).token);
  for (const revoked of [first!, second!]) await world.stop(revoked);
  for (const token of tokens) {
    const join = { token, timeoutMillis: 5_000 };
    assert.equal(await codeOf(world.startAt("again", "192.0.2.90", { join })), "UNREACHABLE");
  }
  await haveOneKey(world, [a!, b!]);
});

test("a revocation that cannot be written is refused as a whole: nobody is out and no key has changed", async () => {
  await using world = new SimWorld(44);
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  const { token } = await world.run(a!.node.tokens.create());
  world.fillDisk("a");
  assert.equal(await codeOf(world.run(a!.node.members.revoke("b"))), "DISK_FULL");
  await world.clock.advance(5_000);
  assert.deepEqual(upPeers(a!), ["b"]);
  await world.ping(a!, b!);
  const c = await world.start("c", { join: { token, endpoints: [{ host: b!.host, port: 6783 }] } });
  await world.ping(b!, c);
});

test("the alert about a copied identity ends when that identity is revoked", async () => {
  await using world = new SimWorld(45);
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  world.copyDisk("b", "image");
  const copy = await world.startAt("image", "192.0.2.66");
  await world.clock.advance(10_000);
  assert.equal(a!.node.status().alerts.length, 1);
  await world.stop(copy);
  await world.stop(b!);
  await world.run(a!.node.members.revoke("b"));
  assert.deepEqual(a!.node.status().alerts, []);
  assert.equal(a!.node.status().healthy, true);
});

test("two members revoked on two sides of a partition are out for good: neither knows the key that remains", async () => {
  await using world = new SimWorld(46);
  const [a, b, x, y] = await world.mesh("a", "b", "x", "y");
  await world.settle();
  world.network.partition([a!.host, y!.host], [b!.host, x!.host]);
  await world.clock.advance(30_000);
  await world.run(a!.node.members.revoke("x"));
  await world.run(b!.node.members.revoke("y"));
  await world.clock.advance(3_000);
  const tokens = [];
  for (const each of [x!, y!]) tokens.push((await world.run(each.node.tokens.create())).token);
  world.network.heal();
  await world.clock.advance(90_000);
  for (const revoked of [x!, y!]) await world.stop(revoked);
  const endpoints = [a!, b!].map(({ host }) => ({ host, port: 6783 }));
  for (const token of tokens) {
    const join = { token, endpoints, timeoutMillis: 5_000 };
    assert.equal(await codeOf(world.startAt("again", "192.0.2.90", { join })), "UNREACHABLE");
  }
  await haveOneKey(world, [a!, b!]);
});

test("whom a member let in that was revoked before anybody heard of it is out too, and is told so at every start", async () => {
  await using world = new SimWorld(47);
  const [a, b, c] = await world.mesh("a", "b", "c");
  await world.settle();
  world.network.partition([a!.host, b!.host], [c!.host, world.machine("late").host]);
  const { token } = await world.run(c!.node.tokens.create());
  const late = await world.start("late", { join: { token, endpoints: [{ host: c!.host, port: 6783 }] } });
  const alerts = ({ node }: SimNode) => node.status().alerts.map(({ name }) => name);
  assert.deepEqual(alerts(late), []);
  await world.run(a!.node.members.revoke("c"));
  world.network.heal();
  await world.clock.advance(60_000);
  assert.deepEqual(alerts(late), ["revoked"]);
  assert.equal(late.node.members.list().some(({ name }) => name === "late"), false);
  await world.stop(late);
  const again = await world.start("late");
  assert.deepEqual(alerts(again), ["revoked"]);
  await world.clock.advance(60_000);
  assert.deepEqual([a!, b!].map(upPeers), [["b"], ["a"]]);
});
