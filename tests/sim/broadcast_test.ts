/** Frames to all along given trees: in a row, in a ring, and beside nodes that know of none. */
import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { Row } from "./row.ts";

test("in a row of four every node hears each of the others, of both families, once and in order", async () => {
  await using row = new Row(501);
  await row.stand("abcd");
  for (const [i, name] of [..."abcd"].entries()) {
    row.say(name, 10 * i, 4);
    row.say(name, 10 * i + 1, 6);
    await row.world.clock.advance(500);
  }
  assert.deepEqual(row.heard(), {
    a: [10, 11, 20, 21, 30, 31],
    b: [0, 1, 20, 21, 30, 31],
    c: [0, 1, 10, 11, 30, 31],
    d: [0, 1, 10, 11, 20, 21],
  });
  for (const { name } of row.nodes) assert.equal(row.drops(name)["replayed"] ?? 0, 0);
});

test("in a ring, which is no tree, every node hears each frame once, though the network loses, doubles and turns them round", async () => {
  await using row = new Row(502);
  row.isRing = true;
  await row.stand("abcde");
  row.world.network.setFaults({ delay: 5, jitter: 20, duplicate: 0.2, reorder: 0.2, loss: 0.05 });
  for (let number = 0; number < 200; number++) {
    row.say("abcde"[number % 5]!, number);
    await row.world.clock.advance(10);
  }
  await row.world.clock.advance(1_000);
  let arrived = 0;
  for (const [name, numbers] of Object.entries(row.heard())) {
    assert.equal(new Set(numbers).size, numbers.length, `${name} heard one twice`);
    assert.ok(numbers.every((number) => "abcde"[number % 5] !== name), `${name} heard itself`);
    arrived += numbers.length;
  }
  assert.ok(arrived > 700 && arrived <= 800, `${arrived} of 800`);
});

test("a node that has restarted is heard by all at once, also beyond its neighbours", async () => {
  await using row = new Row(503);
  await row.stand("abcd");
  for (let number = 0; number < 50; number++) row.say("a", number);
  await row.world.clock.advance(500);
  row.world.crash(row.nodes[0]!);
  const again = await row.world.start("a");
  row.nodes = [again, ...row.nodes.slice(1)];
  await row.world.clock.runUntil(
    () => again.node.peers().some(({ name, state }) => name === "b" && state === "up"),
    60_000,
  );
  row.say("a", 99);
  await row.world.clock.advance(500);
  const { b, c, d } = row.heard();
  assert.deepEqual([b, c, d].map((numbers) => numbers!.length), [51, 51, 51]);
  assert.deepEqual([b, c, d].map((numbers) => numbers!.at(-1)), [99, 99, 99]);
});

test("an older node gets what its neighbours send themselves, and nobody beyond it hears more", async () => {
  await using row = new Row(504, { older: "c" });
  await row.stand("abcd");
  row.say("a", 1);
  row.say("b", 2);
  row.say("c", 3);
  row.say("d", 4);
  await row.world.clock.advance(500);
  assert.deepEqual(row.heard(), { a: [2], b: [1, 3], c: [2, 4], d: [3] });
});
