import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { type SimNode, SimWorld } from "./world.ts";

/** Names and moments of what `node` says of its peers, from now on. */
function listen(world: SimWorld, { node }: SimNode): { event: string; at: number }[] {
  const heard: { event: string; at: number }[] = [];
  const began = world.clock.now();
  const { signal } = new AbortController();
  node.events.onAny((event) => {
    if (event.startsWith("peer:")) heard.push({ event, at: world.clock.now() - began });
  }, signal);
  return heard;
}

test("a node behind a NAT joins, is reached by all, and keeps its sessions when the NAT forgets its mappings", async () => {
  await using world = new SimWorld(141);
  const a = await world.found("a");
  const { host } = world.machine("home", "192.168.0.2");
  const nat = world.network.addNat([host], { outside: "203.0.113.1", filtering: "port", timeout: 30_000 });
  const { token } = await world.run(a.node.tokens.create());
  const home = await world.start("home", { join: { token } });
  const b = await world.start("b", { join: { token } });
  await world.settle();
  for (const other of [a, b]) {
    await world.ping(other, home);
    await world.ping(home, other, 6);
  }
  // Long past the timeout: keepalives hold the mapping open.
  await world.clock.advance(120_000);
  const [atA, atB] = [listen(world, a), listen(world, b)];
  nat.rebind();
  await world.ping(home, a);
  await world.ping(home, b);
  await world.ping(a, home);
  assert.deepEqual([atA, atB].map((heard) => heard.map(({ event }) => event)), [["peer:roamed"], [
    "peer:roamed",
  ]]);
  assert.match(a.node.connections().find(({ name }) => name === "home")!.endpoint, /^203\.0\.113\.1:4\d{4}$/);
});

test("after a rebinding nobody can reach the node inside until it speaks, which it does within a keepalive", async () => {
  await using world = new SimWorld(142);
  const a = await world.found("a");
  const { host } = world.machine("home", "192.168.0.2");
  const nat = world.network.addNat([host], { outside: "203.0.113.1" });
  const { token } = await world.run(a.node.tokens.create());
  const home = await world.start("home", { join: { token } });
  await world.settle();
  await world.clock.advance(60_000);
  const heard = listen(world, a);
  nat.rebind();
  await assert.rejects(world.run(a.node.ping("home", { timeoutMillis: 10 }, new AbortController().signal)), {
    code: "TIMEOUT",
  });
  await world.clock.runUntil(() => heard.length > 0, 20_000);
  assert.equal(heard[0]!.event, "peer:roamed");
  assert.ok(heard[0]!.at <= 11_000, `heard after ${heard[0]!.at} ms`);
  await world.ping(a, home);
});

test("on a path that carries 1,280 bytes nodes join, rekey and learn of each other, over IPv4 and IPv6", async () => {
  for (const [i, network] of ["192.0.2", "2001:db8:"].entries()) {
    await using world = new SimWorld(143 + i, { mtu: 1_280 });
    const host = (last: number) => network.includes(":") ? `${network}:${last}` : `${network}.${last}`;
    for (const [at, name] of ["a", "b", "c", "d"].entries()) world.machine(name, host(at + 1));
    const nodes = await world.mesh("a", "b", "c", "d");
    await world.settle();
    await world.clock.advance(60_000);
    const probed = world.network.counts.oversize;
    await world.clock.advance(200_000);
    for (const from of nodes) {
      for (const to of nodes) if (from !== to) await world.ping(from, to);
    }
    assert.equal(world.network.counts.oversize, probed, "once the paths are known all that is sent fits");
    await world.run(nodes[0]!.node.members.revoke("d"));
    await world.clock.advance(35_000);
    const states = ({ node }: SimNode) =>
      node.members.list().map(({ name, state }) => `${name} ${state}`).sort();
    assert.deepEqual(states(nodes[1]!), states(nodes[0]!));
  }
});

test("when the path's MTU falls to 1,280 in mid-flow sessions go on, and whoever sends more is told within seconds", async () => {
  await using world = new SimWorld(145);
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  const heard = [listen(world, a!), listen(world, b!)];
  const address = b!.node.status().addresses[0]!;
  const ping = (size: number) => a!.node.ping(address, { size }, new AbortController().signal);
  await world.run(ping(1_340));
  world.network.setFaults({ mtu: 1_280 });
  await assert.rejects(world.run(ping(1_340)), { code: "TIMEOUT" }); // this one shows that the path has changed
  await world.clock.advance(5_000);
  await world.run(ping(1_340)); // in parts, while the path is being measured
  await world.clock.advance(15_000);
  await assert.rejects(world.run(ping(1_340)), {
    code: "UNREACHABLE",
    message: /larger than the path takes/,
  });
  for (let minute = 0; minute < 5; minute++) {
    await world.clock.advance(60_000);
    await world.run(ping(1_100));
  }
  assert.deepEqual(heard, [[], []]);
  world.network.setFaults({});
  await world.clock.advance(605_000);
  await world.run(ping(1_340));
});

test("a one-way cut is noticed by the side that hears nothing within 21 s, and by the other at its word or later", async () => {
  await using world = new SimWorld(146);
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  await world.clock.advance(10_000);
  const [atA, atB] = [listen(world, a!), listen(world, b!)];
  world.network.cut(a!.host, b!.host);
  await world.clock.runUntil(() => atA.length > 0 && atB.length > 0, 45_000);
  const [deaf, heard] = [atB[0]!, atA[0]!];
  assert.deepEqual([deaf.event, heard.event], ["peer:down", "peer:down"]);
  assert.ok(deaf.at <= 21_000, `b, which hears nothing, noticed after ${deaf.at} ms`);
  assert.ok(heard.at <= 42_000, `a, which is not heard, noticed after ${heard.at} ms`);
  world.network.mend(a!.host, b!.host);
  await world.settle(15_000);
  await world.ping(a!, b!);
});

test("bursts that take nine datagrams in ten for a while end no session that keepalives can save", async () => {
  await using world = new SimWorld(147, { jitter: 3 });
  const nodes = await world.mesh("a", "b", "c");
  await world.settle();
  world.network.setFaults({ burst: { enter: 0.05, leave: 0.3, loss: 0.9 } });
  await world.clock.advance(600_000);
  assert.ok(world.network.counts.lost > 50, `${world.network.counts.lost} lost`);
  world.network.setFaults({});
  await world.settle(15_000);
  await world.ping(nodes[0]!, nodes[2]!);
});
