import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { tagAt } from "../../tests/topology/mesh_fixture.ts";
import type { PeerId } from "../contracts/values.ts";
import { type FrameId, maxFrameIds } from "./gossip_message.ts";
import { gossipTimes, GossipTrees } from "./gossip_trees.ts";
import { missingTimes } from "./missing_frames.ts";

const [ann, ben, cid] = ["ann", "ben", "cid"] as [PeerId, PeerId, PeerId];
const payload = Uint8Array.of(1, 2, 3);
const id = (number: number): FrameId => ({ origin: tagAt(7), number });

function create(peers: readonly PeerId[], known: readonly number[] = []): GossipTrees {
  const trees = new GossipTrees({ isKnown: ({ number }) => known.includes(number), chance: () => 0 });
  trees.neighbours(peers.map((peer) => ({ peer, isRelayed: false })));
  return trees;
}

/** What it says from now on until `until`: `150 ann want 1,2`. */
function says(trees: GossipTrees, until: number): readonly string[] {
  const all: string[] = [];
  for (let now = 0; now <= until; now = trees.pollTimeout() ?? Infinity) {
    trees.handleTimeout(now);
    for (const { to, message } of trees.poll()) {
      all.push(`${now} ${to} ${message.kind} ${message.ids.map(({ number }) => number).join()}`.trim());
    }
  }
  return all;
}

test("new neighbours get whole frames, those through a relay only once they ask for them", () => {
  const trees = create([ann]);
  trees.neighbours([{ peer: ann, isRelayed: true }, { peer: ben, isRelayed: true }]);
  assert.deepEqual(
    [trees.eager(), trees.degree],
    [[ann], 2],
    "a session that moves behind a relay stays what it was",
  );
  trees.receive(ben, { kind: "want", ids: [] }, 0);
  assert.deepEqual(trees.eager(), [ann, ben]);
  trees.neighbours([]);
  assert.deepEqual([trees.eager(), trees.degree], [[], 0]);
});

test("a frame that comes again makes its way lazy, at both ends; one that the network doubles does not", () => {
  const trees = create([ann, ben]);
  trees.took(id(1), payload, ann, 0);
  trees.repeated(id(1), ann, 1);
  assert.deepEqual(trees.eager(), [ann, ben]);
  trees.repeated(id(1), ben, 2);
  assert.deepEqual(trees.eager(), [ann]);
  assert.deepEqual(trees.poll(), [{ to: ben, message: { kind: "less", ids: [] } }]);
  trees.repeated(id(1), ben, 2 + gossipTimes.less - 1);
  assert.deepEqual(trees.poll(), [], "what comes at once was under way");
  trees.repeated(id(1), ben, 2 + gossipTimes.less);
  assert.equal(trees.poll().length, 1, "what comes later shows that the first word was lost");
  trees.receive(ann, { kind: "less", ids: [] }, 300);
  assert.deepEqual(trees.eager(), []);
});

test("all but those who are known to have a frame are told of it, many frames at once", () => {
  const trees = create([ann, ben, cid]);
  trees.took(id(1), payload, ann, 0);
  trees.took(id(2), payload, undefined, 10);
  trees.receive(cid, { kind: "have", ids: [id(1)] }, 20);
  assert.deepEqual(says(trees, 100), ["50 ann have 2", "50 ben have 1,2", "50 cid have 2"]);
  for (let number = 3; number < 3 + maxFrameIds; number++) trees.took(id(number), payload, ann, 200);
  assert.equal(trees.pollTimeout(), 200, "a full message waits for nothing");
});

test("of many lazy neighbours six hear of a frame, and others of the next", () => {
  const peers = Array.from({ length: 13 }, (_, i) => `${i}` as PeerId);
  const trees = create([ann, ...peers]);
  for (const peer of peers) trees.receive(peer, { kind: "less", ids: [] }, 0);
  trees.took(id(1), payload, undefined, 0);
  const told = says(trees, 100).map((text) => text.split(" ")[1]);
  assert.deepEqual(told, [ann, "0", "1", "2", "3", "4", "5"]);
  trees.took(id(2), payload, undefined, 200);
  const next = says(trees, 300).map((text) => text.split(" ")[1]);
  assert.deepEqual(next, [ann, "6", "7", "8", "9", "10", "11"]);
});

test("a frame that does not come is asked for, and whoever brings it is in the tree from then on", () => {
  const trees = create([ann, ben], [3]);
  trees.receive(ann, { kind: "less", ids: [] }, 0);
  trees.receive(ann, { kind: "have", ids: [id(1), id(2), id(3)] }, 0);
  trees.took(id(2), payload, ben, 10);
  const heard = says(trees, missingTimes.withTree);
  assert.deepEqual(
    heard,
    [`${missingTimes.withTree} ann want 1`],
    "and ann is not told of what she has named",
  );
  assert.deepEqual(trees.eager(), [ann, ben]);
  trees.took(id(1), payload, ann, missingTimes.withTree + 10);
  assert.deepEqual(trees.held.missing, 0);
});

test("who asks gets the frames that are kept, and whole frames from then on", () => {
  const trees = create([ann, ben]);
  trees.took(id(1), payload, ben, 0);
  trees.receive(ann, { kind: "less", ids: [] }, 0);
  assert.deepEqual(trees.receive(ann, { kind: "want", ids: [id(1), id(2)] }, 10), [payload]);
  assert.deepEqual(trees.eager(), [ann, ben]);
  trees.handleTimeout(20_000);
  assert.deepEqual(trees.receive(ann, { kind: "want", ids: [id(1)] }, 20_000), [], "what is old is gone");
  assert.equal(trees.pollTimeout(), undefined, "and nothing waits");
});

test("a stranger to the tree is neither heard nor answered", () => {
  const trees = create([ann]);
  trees.took(id(1), payload, ann, 0);
  assert.deepEqual(trees.receive(ben, { kind: "want", ids: [id(1)] }, 0), []);
  trees.receive(ben, { kind: "have", ids: [id(9)] }, 0);
  trees.repeated(id(1), ben, 0);
  assert.deepEqual([trees.held.missing, trees.poll(), trees.degree], [0, [], 1]);
});
