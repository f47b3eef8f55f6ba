/**
 * Whole nodes in a network that is too large for all to tell their links, by a bound that is set low: ways over relays that
 * members name, and frames to all along the tree that neighbours make.
 */
import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { Row } from "./row.ts";

/** How a node reaches the others that it has a session with: `c over b`. */
function waysOf({ nodes }: Row, name: string): readonly string[] {
  const { node } = nodes.find((each) => each.name === name)!;
  return node.peers().filter(({ self, state }) => !self && state === "up").map((peer) =>
    [peer.name, ...(peer.way?.via ?? []).map((relay) => `over ${relay.name}`)].join(" ")
  ).toSorted();
}

test("in a row of five where nobody tells links each is reached over relays that it names, and hears each frame once", async () => {
  await using row = new Row(621, { hasOwnTrees: true, linkStateUpTo: 3 });
  const { clock } = row.world;
  await row.gather("abcde");
  row.cut();
  const isWhole = () => row.nodes.every(({ name }) => waysOf(row, name).length === 4);
  // In steps, since to look costs more than all else that happens.
  for (let steps = 0; isWhole() && steps < 60; steps++) await clock.advance(1_000);
  assert.equal(isWhole(), false, "the cut is noticed");
  for (let steps = 0; !isWhole() && steps < 60; steps++) await clock.advance(1_000);
  assert.ok(isWhole());
  assert.equal(waysOf(row, "a")[1], "c over b");
  assert.ok(row.nodes.every(({ node }) => node.links().every(({ links }) => links.length === 0)));

  for (const host of row.hosts.values()) host.frames.length = 0;
  const numbers = Array.from({ length: 12 }, (_, i) => i);
  for (const number of numbers) {
    row.say("abcde"[number % 5]!, number);
    await clock.advance(200);
  }
  await clock.advance(4_000);
  for (const [name, heard] of Object.entries(row.heard())) {
    const others = numbers.filter((number) => "abcde"[number % 5] !== name);
    assert.deepEqual(heard.toSorted((one, other) => one - other), others, name);
  }
  const repeated = row.nodes.map(({ name }) => row.drops(name)["replayed"] ?? 0);
  const before = repeated.join();
  row.say("c", 99);
  await clock.advance(1_000);
  assert.deepEqual(Object.values(row.heard()).map((heard) => heard.includes(99)), [
    true,
    true,
    false,
    true,
    true,
  ]);
  const after = row.nodes.map(({ name }) => row.drops(name)["replayed"] ?? 0).join();
  assert.equal(after, before, "it took a tree");
  const { way, neighbours, eager } = row.nodes[2]!.node.status().broadcasts;
  assert.deepEqual([way, neighbours, eager], ["gossip", 4, 2]);
});

test(
  "in a full mesh without told links a tree is left after a few frames, and what is lost on it is asked for",
  async () => {
    await using row = new Row(622, { hasOwnTrees: true, linkStateUpTo: 3 });
    const { clock, network } = row.world;
    await row.gather("abcdef");
    for (let number = 0; number < 6; number++) {
      row.say("abcdef"[number]!, number);
      await clock.advance(500);
    }
    const repeated = () => row.nodes.reduce((sum, { name }) => sum + (row.drops(name)["replayed"] ?? 0), 0);
    const before = repeated();
    assert.ok(before > 0);
    row.say("a", 6);
    await clock.advance(500);
    assert.equal(repeated(), before);

    for (const one of row.nodes) {
      for (const other of row.nodes) if (one !== other) network.setLink(one.host, other.host, { loss: 0.1 });
    }
    for (let number = 7; number < 27; number++) {
      row.say("abcdef"[number % 6]!, number);
      await clock.advance(100);
    }
    await clock.advance(5_000);
    for (const [name, heard] of Object.entries(row.heard())) {
      const others = Array.from({ length: 27 }, (_, i) => i).filter((number) =>
        "abcdef"[number % 6] !== name
      );
      assert.deepEqual(heard.toSorted((one, other) => one - other), others, name);
    }
  },
  { once: "fifteen handshakes, and all of it is the same code on both" },
);
