import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { tagAt } from "../../tests/topology/mesh_fixture.ts";
import type { PeerId } from "../contracts/values.ts";
import {
  type AskedLinks,
  MissingFrames,
  missingTimes,
  mostMissing,
  mostMissingOfOne,
} from "./missing_frames.ts";

const [ann, ben, cid] = ["ann", "ben", "cid"] as [PeerId, PeerId, PeerId];
const id = (number: number) => ({ origin: tagAt(7), number });
const { patience, withTree, backoff, retry } = missingTimes;

function links(eager: readonly PeerId[] = [], gone: readonly PeerId[] = []): AskedLinks {
  return { has: (peer) => !gone.includes(peer), isEager: (peer) => eager.includes(peer) };
}

/** Whom a machine asks for one frame from now on: `ann 150`, with times. */
function asks(missing: MissingFrames, asked: AskedLinks): readonly string[] {
  const all: string[] = [];
  for (let now = missing.next; now !== undefined; now = missing.next) {
    for (const peer of missing.due(now, asked).keys()) all.push(`${peer} ${now}`);
  }
  return all;
}

test("a neighbour in the tree is asked soon, then the others in turn, until all have been asked often enough", () => {
  const missing = new MissingFrames(() => 0);
  for (const peer of [ann, ben, cid]) missing.named(id(1), peer, 0);
  const times = [0, 1, 2, 3, 4, 5].map((turn) => patience + turn * retry);
  const peers = [ben, ann, cid, ben, ann, cid];
  assert.deepEqual(asks(missing, links([ben])), peers.map((peer, turn) => `${peer} ${times[turn]}`));
  assert.equal(missing.size, 0);
});

test("where nobody in the tree has the frame others are asked later, at a time by chance", () => {
  const first = [0, 0.5, 1].map((chance) => {
    const missing = new MissingFrames(() => chance);
    missing.named(id(1), ann, 0);
    return Number(asks(missing, links())[0]!.split(" ")[1]);
  });
  assert.equal(first[0], withTree);
  assert.ok(first[1]! > withTree + 0.8 * backoff, "most wait long");
  assert.ok(Math.abs(first[2]! - withTree - backoff) < 1e-6);
});

test("a neighbour in the tree that names the frame while others are waited for is asked soon", () => {
  const missing = new MissingFrames(() => 1);
  missing.named(id(1), ann, 0);
  assert.equal(missing.due(patience, links([ben])).size, 0);
  missing.named(id(1), ben, 300);
  assert.equal(asks(missing, links([ben]))[0], `ben ${300 + patience}`);
});

test("what has come is not asked for, nor is anybody who is gone", () => {
  const missing = new MissingFrames(() => 0);
  missing.named(id(1), ann, 0);
  missing.named(id(2), ann, 0);
  missing.named(id(2), ben, 0);
  missing.found(id(1));
  assert.deepEqual([...missing.due(patience, links([ben], [ann]))], [[ben, [id(2)]]]);
  assert.deepEqual(asks(missing, links([], [ann, ben])), []);
  assert.equal(missing.size, 0);
});

test("whoever names a frame before there is one, and is asked in vain, keeps nobody from being asked", () => {
  const missing = new MissingFrames(() => 0);
  missing.named(id(1), ann, 0);
  const asked = links([ann, ben]);
  for (let turn = 0; turn < 6; turn++) missing.due(missing.next!, asked);
  const now = patience + 5 * retry + 1;
  missing.named(id(1), ben, now);
  assert.deepEqual(asks(missing, asked), [`ben ${now + patience}`]);
  assert.equal(missing.size, 0);
});

test("a neighbour that invents frames fills its own room, and no more of all than there is", () => {
  const missing = new MissingFrames(() => 0);
  for (let number = 0; number < 1_000; number++) missing.named(id(number), ann, 0);
  assert.equal(missing.size, mostMissingOfOne);
  missing.named(id(5_000), ben, 0);
  assert.equal(missing.size, mostMissingOfOne + 1);
  for (let peer = 0; peer < 40; peer++) {
    for (let number = 0; number < 200; number++) {
      missing.named(id(10_000 + peer * 200 + number), `${peer}` as PeerId, 0);
    }
  }
  assert.equal(missing.size, mostMissing);
  assert.equal(asks(missing, links([], [ann, ben])).length > 0, true);
  assert.equal(missing.size, 0);
  missing.named(id(1), ann, 0);
  assert.equal(missing.size, 1, "and the room is free again");
});
