import assert from "node:assert/strict";
import { errorCode } from "../../core/contracts/errors.ts";
import { test } from "../harness.ts";
import { SimWorld } from "./world.ts";

const hour = 3_600_000;

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return await promise.then(() => "none", errorCode);
}

test("a node whose clock is set an hour ahead or back while it runs keeps its sessions, and rekeys them", async () => {
  for (const [i, jump] of [hour, -hour].entries()) {
    await using world = new SimWorld(120 + i);
    const [a, b] = await world.mesh("a", "b");
    await world.settle();
    world.machine("b").jumpWall(jump);
    const { signal } = new AbortController();
    const heard: string[] = [];
    for (const { node } of [a!, b!]) {
      node.events.on("peer:down", ({ reason }) => void heard.push(reason), signal);
    }
    // Two sessions' lives: what comes after them was agreed on with the clock as it is.
    await world.clock.advance(400_000);
    assert.deepEqual(heard, [], `clock moved by ${jump} ms`);
    await world.ping(a!, b!);
    await world.ping(b!, a!, 6);
  }
});

test("a node that returns with its clock set back is not taken for an old one: its stamps are on disk", async () => {
  await using world = new SimWorld(122);
  const [a, b, c] = await world.mesh("a", "b", "c");
  await world.settle();
  for (const jump of [-hour, 2 * hour, -hour]) {
    world.crash(world.nodes().find(({ name }) => name === "b")!);
    world.machine("b").jumpWall(jump);
    const returned = await world.start("b");
    await world.settle(15_000);
    await world.ping(returned, a!);
    await world.ping(c!, returned, 6);
    assert.equal(a!.node.status().drops.staleHandshake ?? 0, 0, `clock moved by ${jump} ms`);
  }
  assert.ok(b!.process.isDead);
});

test("tokens expire by the clock of whoever judges them: the joiner's own, and the admitting member's", async () => {
  await using world = new SimWorld(123);
  const a = await world.found("a");
  const { token } = await world.run(a.node.tokens.create({ lifetimeSeconds: 1_800 }));
  const join = { token, timeoutMillis: 5_000 };
  world.machine("fast").jumpWall(hour);
  assert.equal(await codeOf(world.start("fast", { join })), "EXPIRED", "it does not even knock");
  world.machine("slow").jumpWall(-hour);
  const slow = await world.start("slow", { join });
  await world.ping(slow, a);
  world.machine("a").jumpWall(hour);
  assert.equal(
    await codeOf(world.start("late", { join })),
    "UNREACHABLE",
    "a member does not know it any more",
  );
  // The member whose clock is behind still does.
  const endpoints = [{ host: slow.host, port: 6783 }];
  const late = await world.start("late", { join: { ...join, endpoints } });
  await world.ping(late, a);
});

test("clocks that are a tenth too fast and too slow keep their sessions over several rekeys", async () => {
  await using world = new SimWorld(124, { jitter: 3 });
  for (const [name, rate] of [["a", 1], ["b", 1.1], ["c", 0.9]] as const) world.machine(name).setRate(rate);
  const nodes = await world.mesh("a", "b", "c");
  await world.settle();
  const heard: string[] = [];
  const { signal } = new AbortController();
  for (const { node } of nodes) node.events.on("peer:down", ({ reason }) => void heard.push(reason), signal);
  for (let minute = 0; minute < 10; minute++) {
    await world.clock.advance(60_000);
    await world.ping(nodes[minute % 3]!, nodes[(minute + 1) % 3]!);
  }
  assert.deepEqual(heard, []);
});
