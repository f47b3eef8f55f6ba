/** Frames to all along the trees that nodes make of the links which all tell. */
import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { Row } from "./row.ts";

test("in a row of five a frame to all reaches every node once, over those in between", async () => {
  await using row = new Row(611, { hasOwnTrees: true });
  await row.stand("abcde");
  // Trees of the time when all heard all are served for eight seconds more.
  await row.world.clock.advance(10_000);
  row.say("a", 1);
  await row.world.clock.advance(500);
  row.say("c", 2);
  await row.world.clock.advance(500);
  assert.deepEqual(row.heard(), { a: [2], b: [1, 2], c: [1], d: [1, 2], e: [1, 2] });
  for (const { name } of row.nodes) assert.equal(row.drops(name)["replayed"] ?? 0, 0);
});

test(
  "in a full mesh of eight every link is told by both ends, and a frame goes from its origin to each once",
  async () => {
    await using row = new Row(612, { hasOwnTrees: true });
    await row.gather("abcdefgh");
    await row.world.clock.advance(10_000);
    const [first] = row.nodes;
    for (const { links } of first!.node.links()) {
      assert.equal(links.filter(({ state }) => state === "established").length, 7);
    }
    for (const { name, node } of row.nodes) {
      row.say(name, name.charCodeAt(0));
      assert.ok(node.peers().every(({ way, self }) => self || way?.way === "direct"));
    }
    await row.world.clock.advance(500);
    for (const [name, numbers] of Object.entries(row.heard())) {
      assert.equal(numbers.length, 7, name);
      assert.equal(row.drops(name)["replayed"] ?? 0, 0);
    }
  },
  { once: "twenty-eight handshakes, and all of it is the same code on both" },
);
