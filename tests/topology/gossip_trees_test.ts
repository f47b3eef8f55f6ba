/** Trees of gossip in meshes of hundreds: who gets a frame, and how many copies cross the links for it. */
import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { SimRandom } from "../sim/random.ts";
import { GossipWorld } from "./gossip_world.ts";
import { randomMesh } from "./random_mesh.ts";

const count = 600;

/** Everybody has four neighbours at least, and nine in the mean. */
function worldOf(random: SimRandom): GossipWorld {
  const ring = Array.from({ length: count }, (_, from) => ({ from, to: (from + 2) % count }));
  return new GossipWorld(random, count, [...randomMesh(random, count, 7), ...ring]);
}

/** Frames from nodes by chance, one every 100 ms, and time until all is over. Those alive who lack one, and copies for each. */
function say(world: GossipWorld, random: SimRandom, frames: number): { lacking: number; copies: number } {
  world.copies = world.deliveries = 0;
  const keys = Array.from({ length: frames }, () => {
    const key = world.begin(random.pick(world.alive));
    world.run(100);
    return key;
  });
  world.run(7_000);
  const lacking = keys.reduce((sum, key) => sum + world.alive.filter(({ seen }) => !seen.has(key)).length, 0);
  return { lacking, copies: world.copies / world.deliveries };
}

test("in a mesh of 600 every node gets every frame once and hardly a copy more, and so again when a tenth has died", () => {
  const random = new SimRandom(77);
  const world = worldOf(random);
  assert.equal(say(world, random, 8).lacking, 0, "while links are tried out");
  const calm = say(world, random, 12);
  assert.equal(calm.lacking, 0);
  assert.ok(calm.copies < 1.01, `${calm.copies} copies`);

  for (let i = 0; i < count / 10; i++) world.kill(random.pick(world.alive), 500);
  const mending = say(world, random, 12);
  assert.equal(mending.lacking, 0, "dead parents are gone round, by digests");
  assert.ok(mending.copies < 1.1, `${mending.copies} copies`);
  const mended = say(world, random, 12);
  assert.equal(mended.lacking, 0);
  assert.ok(mended.copies < 1.03, `${mended.copies} copies`);
});

test("where one datagram in twenty is lost every node gets every frame, for a tenth of copies more", () => {
  const random = new SimRandom(78);
  const world = worldOf(random);
  say(world, random, 8);
  world.loss = 0.05;
  const { lacking, copies } = say(world, random, 24);
  assert.equal(lacking, 0);
  assert.ok(copies < 1.1, `${copies} copies`);
}, { once: "a million steps of integers, which both reckon alike" });
