/** Broadcast trees while the nodes disagree about the graph. */
import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { SimRandom } from "../sim/random.ts";
import { chain, ring } from "./mesh_fixture.ts";
import { randomMesh } from "./random_mesh.ts";
import { type Frame, TreeWorld } from "./tree_world.ts";

const count = 24;
/** One round of gossip; a record crosses the mesh in less. */
const round = 500;
/** The slowest link, one way. */
const hop = 50;

/** Any frame crosses each link at most once in each direction. */
function assertBounded(world: TreeWorld): void {
  const links = world.members.reduce((sum, member) => sum + member.links.size, 0);
  for (const frame of world.frames) assert.ok(frame.crossings <= links + 40, `${frame.crossings} crossings`);
}

function randomPair(random: SimRandom): readonly [number, number] {
  const from = random.below(count);
  return [from, (from + 1 + random.below(count - 1)) % count];
}

test("at rest a frame crosses as many links as there are other nodes, whoever sends it", () => {
  const random = new SimRandom(81);
  const world = new TreeWorld(random, count, randomMesh(random, count, 5));
  for (let source = 0; source < count; source++) {
    const frame = world.broadcast(source);
    world.advance(world.now + 3000);
    assert.deepEqual([world.missing(frame), frame.crossings], [0, count - 1]);
  }
});

test("while links come and round trips change, no frame is lost, and none goes in circles", () => {
  let changes = 0;
  for (let seed = 1; seed <= 6; seed++) {
    const random = new SimRandom(seed);
    const world = new TreeWorld(random, count, randomMesh(random, count, 4));
    for (let step = 0; step < 300; step++) {
      world.advance(world.now + random.below([2000, 60, 8][seed % 3]!));
      world.broadcast(random.below(count));
      const [from, to] = randomPair(random);
      const rttClass = 40 + random.below(70);
      if (world.isLinked(from, to)) world.retell(from, to, rttClass);
      else if (random.chance(0.1)) world.connect(from, to, rttClass);
      else continue;
      changes++;
    }
    world.advance(world.now + 10_000);
    assertBounded(world);
    const lost = world.frames.filter((frame) => world.missing(frame) > 0);
    assert.deepEqual(lost, [], `seed ${seed}`);
  }
  assert.ok(changes > 300, `${changes} changes`);
});

test("when the graph is calm again, frames take one tree", () => {
  const random = new SimRandom(82);
  const world = new TreeWorld(random, count, randomMesh(random, count, 5));
  for (let i = 0; i < 60; i++) {
    world.advance(world.now + 20);
    const [from, to] = randomPair(random);
    if (world.isLinked(from, to)) world.retell(from, to, 40 + random.below(70));
    else world.connect(from, to, 40 + random.below(70));
  }
  world.advance(world.now + round + 8000);
  const frame = world.broadcast(3);
  world.advance(world.now + 3000);
  assert.deepEqual([world.missing(frame), frame.crossings], [0, count - 1]);
});

/** Cuts a link, and has all nodes send a frame at each of these times after it. */
function cutAndSend(
  world: TreeWorld,
  pair: readonly [number, number],
  delays: readonly number[],
): readonly Frame[] {
  world.advance(world.now + 20_000);
  const frames: Frame[] = [];
  const began = world.now;
  world.cut(...pair);
  for (const delay of delays) {
    world.advance(began + delay);
    for (let source = 0; source < world.members.length; source++) frames.push(world.broadcast(source));
  }
  world.advance(began + 5000);
  return frames;
}

test("a round after a link is lost every frame reaches all nodes, and nearly all do a single message after", () => {
  const size = 60;
  let [sent, lost, late] = [0, 0, 0];
  for (let seed = 1; seed <= 8; seed++) {
    const random = new SimRandom(seed);
    const links = randomMesh(random, size, 3);
    const world = new TreeWorld(random, size, links);
    // Not one of the ring, so that all still hang together.
    const { from, to } = links[size + random.below(links.length - size)]!;
    const frames = cutAndSend(world, [from, to], [hop, round]);
    sent += size * (size - 1);
    lost += frames.slice(0, size).reduce((sum, frame) => sum + world.missing(frame), 0);
    late += frames.slice(size).reduce((sum, frame) => sum + world.missing(frame), 0);
    assertBounded(world);
  }
  assert.equal(late, 0);
  assert.ok(lost <= sent / 1000, `${lost} of ${sent} deliveries`);
});

test("a ring that is cut is a chain again within a round, though all of the orphans hang below each other", () => {
  const random = new SimRandom(83);
  const world = new TreeWorld(random, 8, ring(8));
  const frames = cutAndSend(world, [0, 7], [round]);
  assert.deepEqual(
    frames.map((frame) => [world.missing(frame), frame.crossings >= 7]),
    frames.map(() => [0, true]),
  );
});

test("on a chain of five a frame of any node reaches all, and a link that is cut parts it and no more", () => {
  const world = new TreeWorld(new SimRandom(84), 5, chain(5));
  for (let source = 0; source < 5; source++) {
    const frame = world.broadcast(source);
    world.advance(world.now + 1000);
    assert.deepEqual([world.missing(frame), frame.crossings], [0, 4]);
  }
  const frames = cutAndSend(world, [1, 2], [round]);
  assert.deepEqual(frames.map((frame) => world.missing(frame)), [3, 3, 2, 2, 2]);
});
