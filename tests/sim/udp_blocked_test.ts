/** Whole nodes in networks that let connections through and no datagrams. */
import assert from "node:assert/strict";
import type { ConnectionStatus } from "../../core/contracts/node.ts";
import { gossip } from "../../plugins/gossip/mod.ts";
import { staticSeeds } from "../../plugins/static_seeds/mod.ts";
import { test } from "../harness.ts";
import { type SimNode, SimWorld, type WorldOptions } from "./world.ts";

/** Connections go on; datagrams between the host and all others come no further, in both directions. */
function setUdp(world: SimWorld, host: string, others: readonly string[], passes: boolean): void {
  for (const other of others) {
    world.network.setLink(host, other, { delay: 20, loss: passes ? 0 : 1 });
    world.network.setLink(other, host, { delay: 20, loss: passes ? 0 : 1 });
  }
}

const newWorld = (seed: number, options: WorldOptions = {}) =>
  new SimWorld(seed, { delay: 20 }, { overTcp: "fallback", ...options });

function connection(node: SimNode, to: SimNode): ConnectionStatus | undefined {
  return node.node.connections().find(({ name, state }) => name === to.name && state === "established");
}

async function joinBlocked(world: SimWorld): Promise<readonly [seed: SimNode, blocked: SimNode]> {
  const seed = await world.found("seed");
  const { host } = world.machine("blocked");
  setUdp(world, host, [seed.host], false);
  const { token } = await world.run(seed.node.tokens.create());
  return [seed, await world.start("blocked", { join: { token } })];
}

test("a node whose network blocks UDP joins through a connection within five seconds, and both ping each other", async () => {
  await using world = newWorld(701);
  const before = world.clock.now();
  const [seed, blocked] = await joinBlocked(world);
  await world.settle();
  assert.ok(world.clock.now() - before < 5_000, `${world.clock.now() - before} ms`);
  assert.equal(connection(blocked, seed)!.endpoint, `tcp/${seed.host}:6783`);
  assert.match(connection(seed, blocked)!.endpoint, new RegExp(`^tcp/${blocked.host}:`));
  await world.ping(blocked, seed);
  await world.ping(seed, blocked);
  await world.clock.advance(300_000);
  assert.ok(connection(blocked, seed) !== undefined, "keepalives and new keys cross as well");
  await world.ping(seed, blocked);
});

test("when the network lets UDP through the session moves there, and back when it does not", async () => {
  await using world = newWorld(702);
  const [seed, blocked] = await joinBlocked(world);
  await world.settle();
  setUdp(world, blocked.host, [seed.host], true);
  await world.clock.advance(6_000);
  assert.equal(connection(blocked, seed)!.endpoint, `${seed.host}:6783`);
  assert.equal(connection(seed, blocked)!.endpoint, `${blocked.host}:6783`);
  await world.ping(seed, blocked);
  setUdp(world, blocked.host, [seed.host], false);
  await world.clock.advance(60_000);
  assert.match(connection(blocked, seed)!.endpoint, /^tcp\//);
  await world.ping(blocked, seed);
});

test("whom it cannot dial, and who cannot dial it, it reaches through a member that both reach", async () => {
  await using world = newWorld(703);
  const { host } = world.machine("inner", "10.0.0.5");
  world.network.addNat([host], { outside: "198.51.100.7" });
  world.network.addNat([world.machine("blocked", "10.1.0.5").host], { outside: "198.51.100.8" });
  const [seed, blocked] = await joinBlocked(world);
  setUdp(world, blocked.host, [host], false);
  const { token } = await world.run(seed.node.tokens.create());
  const inner = await world.start("inner", { join: { token } });
  await world.settle();
  assert.match(connection(blocked, inner)!.endpoint, /^relay\//);
  await world.ping(blocked, inner);
  await world.ping(inner, blocked);
});

test("a connection that is cut is dialled again, and the session lives on", async () => {
  await using world = newWorld(704);
  const [seed, blocked] = await joinBlocked(world);
  await world.settle();
  const { since } = connection(blocked, seed)! as { since?: string };
  world.resetStreams(blocked, seed);
  await world.clock.advance(16_000);
  await world.ping(seed, blocked);
  await world.ping(blocked, seed);
  assert.equal((connection(blocked, seed) as { since?: string }).since, since);
});

test("nobody dials an address that answers datagrams", async () => {
  await using world = newWorld(705);
  let pipes = 0;
  const dial = world.network.pipes.dial.bind(world.network.pipes);
  world.network.pipes.dial = (from, to) => {
    pipes += to.port === 6783 ? 0 : 1;
    return dial(from, to);
  };
  await world.mesh("a", "b", "c");
  await world.settle();
  await world.clock.advance(180_000);
  assert.equal(pipes, 0);
});

test("a mesh that gossips holds a member alive whom it reaches by connections alone", async () => {
  await using world = newWorld(706, { plugins: { discovery: [staticSeeds({ seeds: [] }), gossip({})] } });
  const [seed, blocked] = await joinBlocked(world);
  const others: SimNode[] = [];
  for (const name of ["m1", "m2"]) {
    const { host } = world.machine(name);
    setUdp(world, blocked.host, [host], false);
    const { token } = await world.run(seed.node.tokens.create());
    others.push(await world.start(name, { join: { token } }));
  }
  await world.settle();
  const judged = () =>
    [seed, ...others].map(({ node }) => node.peers().find(({ name }) => name === "blocked"));
  for (let second = 0; second < 60; second += 2) {
    await world.clock.advance(2_000);
    assert.deepEqual(
      judged().map((peer) => peer?.liveness),
      ["alive", "alive", "alive"],
      `after ${second} s`,
    );
  }
  world.crash(blocked);
  await world.clock.advance(15_000);
  assert.deepEqual(judged().map((peer) => peer?.liveness), ["dead", "dead", "dead"]);
});
