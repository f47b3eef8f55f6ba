import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { type SimNode, SimWorld } from "./world.ts";

function statesOf({ node }: SimNode): string {
  return node.peers().filter(({ self }) => !self).map(({ name, state }) => `${name} ${state}`).sort().join(
    ", ",
  );
}

test("a node that stands still for 30 to 90 s is seen as down, and comes back by itself with its own addresses", async () => {
  for (const [i, pause] of [30_000, 60_000, 90_000].entries()) {
    await using world = new SimWorld(110 + i, { jitter: 3 });
    const [a, b, c] = await world.mesh("a", "b", "c");
    await world.settle();
    const before = b!.node.status().addresses;
    const timers = b!.process.clock.pending;
    world.pause(b!, pause);
    await world.clock.advance(25_000);
    assert.equal(statesOf(a!), "b down, c up");
    await world.clock.advance(pause - 25_000);
    await world.settle(20_000);
    assert.deepEqual([a!, b!, c!].map(statesOf), ["b up, c up", "a up, c up", "a up, b up"]);
    assert.deepEqual(b!.node.status().addresses, before);
    for (const family of [4, 6] as const) {
      await world.ping(a!, b!, family);
      await world.ping(b!, c!, family);
    }
    await world.clock.advance(10_000);
    assert.ok(b!.process.clock.pending <= timers + 4, `${b!.process.clock.pending} timers, before ${timers}`);
  }
});

test("a pause too short to be noticed costs no session", async () => {
  await using world = new SimWorld(115);
  const [a, b] = await world.mesh("a", "b");
  await world.settle();
  const heard: string[] = [];
  const { signal } = new AbortController();
  for (const { name, node } of [a!, b!]) {
    node.events.onAny(
      (event) => void (event.startsWith("peer:") && heard.push(`${event} at ${name}`)),
      signal,
    );
  }
  for (let i = 0; i < 5; i++) {
    world.pause(b!, 4_000);
    await world.clock.advance(20_000);
  }
  assert.deepEqual(heard, []);
  await world.ping(a!, b!);
});

test("what others do while a node stands still reaches it when it goes on: a member more, one less, and a new key", async () => {
  await using world = new SimWorld(116);
  const [a, b, gone] = await world.mesh("a", "b", "gone");
  await world.settle();
  world.pause(b!, 60_000);
  await world.clock.advance(1_000);
  await world.run(a!.node.members.revoke("gone"));
  const { token } = await world.run(a!.node.tokens.create());
  const late = await world.start("late", { join: { token } });
  await world.stop(gone!);
  await world.clock.advance(60_000);
  await world.settle(40_000);
  const members = ({ node }: SimNode) =>
    node.members.list().map(({ name, state }) => `${name} ${state}`).sort();
  assert.deepEqual(members(b!), ["a admitted", "b admitted", "gone revoked", "late admitted"]);
  assert.deepEqual(members(late), members(b!));
  await world.ping(b!, late);
});
