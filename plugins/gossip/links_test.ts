import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { alive, Alone, ended } from "./alone_fixture.ts";
import { Rank, stampOf } from "./member_table.ts";
import type { Outbox } from "./outbox.ts";
import { Kind } from "./wire.ts";

const ask = (degree: number) => (to: Outbox) => to.section(0, Kind.ask, 1).u8(degree);
const say = (kind: number) => (to: Outbox) => to.section(0, kind);

test("a node without neighbours asks three at a time, again and again", () => {
  const alone = new Alone(20);
  alone.wait(250);
  assert.equal(new Set(alone.told(Kind.ask).map(({ to }) => to)).size, 3);
  alone.wait(5_000);
  assert.ok(alone.told(Kind.ask).length >= 9);
});

test("who grants a link is a neighbour; who was not asked is not", () => {
  const alone = new Alone(20);
  alone.wait(250);
  const [asked] = alone.told(Kind.ask);
  alone.says(asked!.to, say(Kind.accept));
  assert.deepEqual(alone.machine.neighbours, [asked!.to]);
  const other = Array.from({ length: 19 }, (_, at) => at + 1)
    .find((peer) => alone.told(Kind.ask, peer).length === 0)!;
  alone.says(other, say(Kind.accept));
  assert.deepEqual(alone.machine.neighbours, [asked!.to]);
  assert.equal(alone.told(Kind.disconnect, other).length, 1);
});

test("up to five are granted links, up to seven when they have few, then nobody", () => {
  const alone = new Alone(20);
  for (let peer = 1; peer <= 6; peer++) alone.says(peer, ask(4));
  assert.deepEqual(alone.machine.neighbours, [1, 2, 3, 4, 5]);
  assert.deepEqual(alone.told(Kind.refuse).map(({ to }) => to), [6]);
  for (let peer = 6; peer <= 9; peer++) alone.says(peer, ask(3));
  assert.equal(alone.machine.neighbours.length, 7);
  assert.deepEqual(alone.told(Kind.refuse).map(({ to }) => to), [6, 8, 9]);
});

test("a grant that was lost is given again, and the link is the same", () => {
  const alone = new Alone(20);
  alone.says(1, ask(0));
  alone.wait(2_000);
  alone.says(1, ask(0));
  assert.equal(alone.told(Kind.accept, 1).length, 2);
  assert.deepEqual(alone.machine.neighbours, [1]);
});

test("one that is held for dead gets a link when it has said that it is not", () => {
  const alone = new Alone(20);
  alone.link(1);
  alone.says(1, (to) => ended(to, { peer: 9, stamp: stampOf(0, Rank.dead), by: 4 }));
  alone.says(9, ask(0));
  assert.equal(alone.told(Kind.refuse, 9).length, 1);
  assert.equal(alone.told(Kind.ended, 9).length, 1);
  alone.says(9, (to) => alive(to, 9, 1));
  alone.says(9, ask(0));
  assert.equal(alone.told(Kind.accept, 9).length, 1);
});

test("a neighbour that parts and comes back all the time does not undo the tree each time", () => {
  const alone = new Alone(20);
  alone.link(4);
  alone.says(3, say(Kind.prune));
  for (let time = 0; time < 10; time++) {
    alone.says(1, say(Kind.disconnect));
    alone.says(3, say(Kind.prune));
    alone.says(1, ask(0));
  }
  assert.equal(alone.told(Kind.graft, 3).length, 1);
});

test("a node that stood still tells its neighbours how patient they have to be", () => {
  const alone = new Alone(20);
  alone.link(2);
  alone.wait(1_000);
  assert.equal(alone.told(Kind.patience).length, 0);
  alone.now += 20_000;
  alone.wait(10_000);
  const [first] = alone.told(Kind.patience, 1);
  assert.equal(first!.body[0], 150, "fifteen seconds are the most");
});

test("a patient neighbour waits before it buries", () => {
  for (const [units, isDead] of [[0, true], [120, false]] as const) {
    const alone = new Alone(20, { probe: 1e9 });
    alone.link(1);
    alone.says(1, (to) => {
      to.section(0, Kind.view, 16).tag(2).tag(3).section(0, Kind.patience, 1).u8(units);
      to.section(0, Kind.beat, 2).u8(0).u8(0);
    });
    alone.wait(10_000);
    for (const peer of [2, 3]) {
      alone.says(peer, (to) => to.section(0, Kind.suspect, 14).tag(1).u32(0).u16(500));
    }
    alone.wait(1_500);
    for (let peer = 2; peer < 20; peer++) {
      alone.says(peer, (to) => to.section(0, Kind.suspect, 14).tag(1).u32(0).u16(500));
    }
    alone.wait(4_000);
    assert.deepEqual(alone.learnt("dead"), isDead ? [1] : []);
  }
});

test("a stranger's beat makes it a neighbour where there is room, and is refused where not", () => {
  const alone = new Alone(20);
  const beat = (to: Outbox) => to.section(0, Kind.beat, 2).u8(0).u8(3);
  alone.says(9, beat);
  assert.deepEqual(alone.machine.neighbours, [9]);
  alone.link(4);
  alone.says(10, beat);
  assert.equal(alone.told(Kind.disconnect, 10).length, 1);
  assert.equal(alone.machine.neighbours.includes(10), false);
});

test("a neighbour that was lost is made up for within a second", () => {
  const alone = new Alone(20);
  alone.link(5);
  alone.wait(1_000);
  alone.clear();
  alone.says(3, say(Kind.disconnect));
  alone.wait(1_000);
  assert.ok(alone.told(Kind.ask).length >= 1);
});

test("a link that both have too many of and that carries no records is given back", () => {
  const alone = new Alone(20);
  for (let peer = 1; peer <= 6; peer++) {
    alone.says(peer, ask(0));
    alone.says(peer, (to) => {
      to.section(0, Kind.view, 48);
      for (let other = 10; other < 16; other++) to.tag(other);
    });
  }
  alone.says(4, say(Kind.prune));
  alone.wait(15_000);
  assert.equal(alone.machine.neighbours.includes(4), false);
  assert.equal(alone.machine.neighbours.length >= 5, true);
});

test("a node that leaves tells its neighbours and three more, and falls silent", () => {
  const alone = new Alone(20);
  alone.link(4);
  alone.do((machine) => machine.leave(alone.now));
  const told = alone.told(Kind.ended);
  assert.equal(told.length, 7);
  assert.ok(told.every(({ body }) => (body[11]! & 7) === Rank.left));
  assert.equal(alone.told(Kind.disconnect).length, 4);
  assert.equal(alone.machine.pollTimeout(), undefined);
  alone.clear();
  alone.says(1, (to) => to.section(0, Kind.ping, 2).u16(1));
  assert.deepEqual(alone.said, []);
});

test("a new link begins with a beat that says who the neighbours are", () => {
  const alone = new Alone(20);
  alone.says(1, ask(0));
  const kinds = alone.said.filter(({ to }) => to === 1).map(({ kind }) => kind);
  assert.deepEqual(kinds, [Kind.accept, Kind.view, Kind.beat]);
});
