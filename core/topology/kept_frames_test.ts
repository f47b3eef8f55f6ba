import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { tagAt } from "../../tests/topology/mesh_fixture.ts";
import type { PeerId } from "../contracts/values.ts";
import { KeptFrames } from "./kept_frames.ts";

const [ann, ben] = ["ann", "ben"] as [PeerId, PeerId];
const id = (number: number) => ({ origin: tagAt(7), number });

test("of too many frames, too many bytes and old ones the oldest go", () => {
  const kept = new KeptFrames({ frames: 3, bytes: 100, age: 1_000 });
  const held = () => [1, 2, 3, 4, 5, 6].filter((number) => kept.of(id(number)) !== undefined);
  for (const number of [1, 2, 3, 4]) kept.keep(id(number), new Uint8Array(20), ann, number);
  assert.deepEqual(held(), [2, 3, 4]);
  kept.keep(id(5), new Uint8Array(70), ann, 500);
  assert.deepEqual(held(), [4, 5]);
  assert.equal(kept.next, 1_004);
  kept.expire(1_004);
  assert.deepEqual(held(), [5]);
  kept.keep(id(6), new Uint8Array(101), ann, 600);
  assert.deepEqual(
    [held(), kept.size, kept.next],
    [[], 0, undefined],
    "one that is too long by itself is not kept",
  );
});

test("a neighbour is given a frame twice at most, and others are no worse off for it", () => {
  const kept = new KeptFrames({ frames: 3, bytes: 100, age: 1_000 });
  const payload = Uint8Array.of(1, 2, 3);
  kept.keep(id(1), payload, undefined, 0);
  const asks = [ann, ann, ann, ben].map((peer) => kept.answer(id(1), peer));
  assert.deepEqual(asks, [payload, payload, undefined, payload]);
  assert.equal(kept.answer(id(2), ann), undefined);
});
