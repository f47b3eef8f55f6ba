import assert from "node:assert/strict";
import type { PeerId } from "../../core/contracts/values.ts";
import { test } from "../../tests/harness.ts";
import { Roster } from "./roster.ts";

const [a, b, c] = ["a", "b", "c"].map((letter) => letter.repeat(32) as PeerId);

test("a member has one number for as long as it is one, and another one when it comes back", () => {
  const roster = new Roster(a!, 3);
  assert.deepEqual([roster.numberOf(a!), roster.add(b!), roster.add(c!), roster.add(b!)], [0, 1, 2, 1]);
  assert.deepEqual([roster.remove(b!), roster.remove(b!)], [1, undefined]);
  roster.directory.remove(1);
  assert.deepEqual([roster.numberOf(b!), roster.peerOf(1), roster.add(b!)], [undefined, undefined, 3]);
  assert.deepEqual([roster.peerOf(3), roster.numberOf(c!)], [b, 2]);
});

test("of two members with one tag the second has no number, and neither has what is no id", () => {
  const roster = new Roster(a!, 3);
  assert.equal(roster.add(`${"b".repeat(20)}${"a".repeat(12)}` as PeerId), 1);
  assert.equal(roster.add(`${"b".repeat(20)}${"c".repeat(12)}` as PeerId), undefined);
  assert.equal(roster.add("!" as PeerId), undefined);
  assert.equal(roster.add(c!), 2);
});
