import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { tagAt } from "../../tests/topology/mesh_fixture.ts";
import { NamedRelays, namingTimes, relaysFromBytes, relaysToBytes } from "./named_relays.ts";
import type { RelayNeighbour } from "./relay_choice.ts";
import { rttClassOf } from "./rtt_class.ts";

/** Willing neighbours by number, with their round trips. */
function near(millis: Readonly<Record<number, number>>): readonly RelayNeighbour[] {
  return Object.entries(millis).map(([number, rtt]) => ({
    tag: tagAt(Number(number)),
    rttClass: rttClassOf(rtt),
    flags: 0,
    willingness: "willing",
  }));
}

const numbers = (relays: NamedRelays) => relays.named.map((tag) => parseInt(tag, 16));
const { first, spread, between, betweenLosses } = namingTimes;

test("relays are named after a while that differs from node to node, then once a minute at most", () => {
  const [early, late] = [tagAt(0), tagAt(0xffff)].map((self) => new NamedRelays(self, [], 0)) as [
    NamedRelays,
    NamedRelays,
  ];
  assert.equal(early.judge(near({ 1: 10, 2: 20 }), first - 1), false);
  assert.equal(early.judge(near({ 1: 10, 2: 20 }), first), true);
  assert.equal(late.judge(near({ 1: 10, 2: 20 }), first + spread * 0.99), false);
  assert.equal(late.judge(near({ 1: 10, 2: 20 }), first + spread), true);
  assert.deepEqual(numbers(early), [1, 2]);
  assert.equal(early.judge(near({ 1: 10, 2: 20, 3: 5 }), first + between - 1), false);
  assert.equal(early.judge(near({ 1: 10, 2: 20, 3: 5 }), first + between), true);
  assert.deepEqual(numbers(early), [3, 1, 2]);
});

test("one that is lost is replaced sooner, and while there is nobody else it stays", () => {
  const relays = new NamedRelays(tagAt(0), [], 0);
  relays.judge(near({ 1: 10, 2: 20, 3: 30, 4: 40 }), first);
  assert.equal(relays.judge([], first + between), false);
  const left = near({ 2: 20, 3: 30, 4: 40 });
  assert.equal(relays.judge(left, first + betweenLosses - 1), false);
  assert.equal(relays.judge(left, first + betweenLosses), true);
  assert.deepEqual(numbers(relays), [2, 3, 4]);
});

test("what is about as near changes nothing, nor does another order, nor a neighbour that passes nothing on", () => {
  const relays = new NamedRelays(tagAt(0), [1, 2, 3].map(tagAt), 0);
  const late = first + spread + between;
  assert.equal(relays.judge(near({ 1: 30, 2: 20, 3: 40, 4: 35 }), late), false);
  const closed = near({ 1: 30, 2: 20, 3: 40, 4: 1 }).map((each) =>
    each.tag === tagAt(4) ? { ...each, willingness: "never" as const } : each
  );
  assert.equal(relays.judge(closed, late), false);
  assert.deepEqual(numbers(relays), [1, 2, 3]);
});

test("eight bytes stand for each, in the order in which they are named", () => {
  const tags = [9, 4, 7].map(tagAt);
  assert.equal(relaysToBytes(tags).length, 24);
  assert.deepEqual(relaysFromBytes(relaysToBytes(tags)), tags);
  assert.deepEqual(relaysFromBytes(new Uint8Array()), []);
});
