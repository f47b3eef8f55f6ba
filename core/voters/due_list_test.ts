import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { ann, bob, cat, dan, eve, everybody, fay } from "../../tests/voters/voters_fixture.ts";
import { dueList, type Host } from "./due_list.ts";

type Self = typeof ann;
const minute = 60_000;
const day = 24 * 60 * minute;

function up(self: Self, minutes = 60): Host {
  return { publicKey: self.publicKey, upFor: minutes * minute, downFor: undefined };
}

function down(self: Self, millis: number): Host {
  return { publicKey: self.publicKey, upFor: undefined, downFor: millis };
}

function due(voters: readonly Self[], members: readonly Host[]): readonly string[] | undefined {
  const list = dueList(voters.map(({ publicKey }) => publicKey), members);
  return list?.map((key) => everybody.find((self) => self.publicKey === key)!.name);
}

test("one voter is enough for two hosts; with the third there are three, with the fifth five, and no more", () => {
  assert.equal(due([ann], [up(ann), up(bob)]), undefined);
  assert.deepEqual(due([ann], [up(ann), up(bob), up(cat, 70)]), ["ann", "cat", "bob"]);
  assert.equal(due([ann, bob, cat], [ann, bob, cat, dan].map((self) => up(self))), undefined);
  const hosts = everybody.map((self, i) => up(self, 100 - i));
  assert.deepEqual(due([ann, bob, cat], hosts), ["ann", "bob", "cat", "dan", "eve"]);
  assert.equal(due([ann, bob, cat, dan, eve], hosts), undefined);
});

test("a host that has just come is no voter yet", () => {
  assert.equal(due([ann], [up(ann), up(bob), up(cat, 9)]), undefined);
});

test("a voter that is down for less than a day keeps its vote; then another host takes its place", () => {
  const others = [up(ann), up(bob), up(dan)];
  assert.equal(due([ann, bob, cat], [...others, down(cat, day - 1)]), undefined);
  assert.deepEqual(due([ann, bob, cat], [...others, down(cat, day)]), ["ann", "bob", "dan"]);
});

test("a voter that is gone keeps its vote while there is nobody to take its place", () => {
  assert.equal(due([ann, bob, cat], [up(ann), up(bob), down(cat, 9 * day)]), undefined);
});

test("a voter that is no member any more is replaced at once, or given up together with a second one", () => {
  assert.deepEqual(due([ann, bob, cat], [up(ann), up(bob), up(dan)]), ["ann", "bob", "dan"]);
  assert.deepEqual(due([ann, bob, cat], [up(ann), up(bob)]), ["ann"]);
  assert.deepEqual(due([ann, bob, cat, dan, eve], [ann, cat, dan, eve].map((self) => up(self))), [
    "ann",
    "cat",
    "dan",
  ]);
});

test("without a majority of the voters nothing is due: nothing could be decided", () => {
  const hosts = [up(ann), down(bob, 2 * day), down(cat, 2 * day), up(dan), up(eve), up(fay)];
  assert.equal(due([ann, bob, cat], hosts), undefined);
});

test("what is due leads to a list under which nothing is due", () => {
  for (let seed = 0; seed < 2000; seed++) {
    const pick = (i: number, of: number) => Math.floor(seed / 3 ** i) % of;
    const hosts = everybody.flatMap((self, i) => [[up(self)], [down(self, 2 * day)], []][pick(i, 3)]!);
    const voters = everybody.slice(0, 1 + seed % 5);
    const next = dueList(voters.map(({ publicKey }) => publicKey), hosts);
    if (next === undefined) continue;
    assert.ok(next.length % 2 === 1 && next.length <= 5 && new Set(next).size === next.length);
    assert.equal(dueList(next, hosts), undefined, `seed ${seed}`);
  }
});
