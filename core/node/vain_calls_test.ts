import assert from "node:assert/strict";
import type { PeerId } from "../contracts/values.ts";
import { test } from "../../tests/harness.ts";
import { VainCalls } from "./vain_calls.ts";

const peers = ["a", "b", "c", "d"] as PeerId[];

test("as many as are called on stay, and the next to fail sends the first one to rest", () => {
  const vain = new VainCalls(2);
  assert.deepEqual(peers.slice(0, 3).map((peer) => vain.failed(peer)), [{}, {}, { rest: "a" }]);
  assert.deepEqual(peers.map((peer) => vain.isResting(peer)), [true, false, false, false]);
  assert.deepEqual(vain.failed(peers[3]!), { rest: "b" });
});

test("who fails again while others rest changes places with the one that has rested longest", () => {
  const vain = new VainCalls(2);
  assert.deepEqual(vain.failed(peers[0]!), {});
  assert.deepEqual(vain.failed(peers[0]!), {}, "nobody rests");
  for (const peer of peers.slice(1)) vain.failed(peer);
  const called = new Set<string>();
  let now = [peers[2]!, peers[3]!];
  for (let round = 0; round < 4; round++) {
    now = now.map((peer) => vain.failed(peer).wake!);
    for (const peer of now) {
      called.add(peer);
      vain.failed(peer);
    }
  }
  assert.deepEqual([...called].sort(), peers);
});

test("who has answered neither rests nor takes a place", () => {
  const vain = new VainCalls(1);
  vain.failed(peers[0]!);
  vain.failed(peers[1]!);
  for (const peer of peers) vain.forget(peer);
  assert.equal(vain.isResting(peers[0]!), false);
  assert.deepEqual(vain.failed(peers[2]!), {});
});
