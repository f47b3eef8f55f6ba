import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { Alone, ended } from "./alone_fixture.ts";
import { Rank, stampOf } from "./member_table.ts";
import type { Outbox } from "./outbox.ts";
import { defaultOptions } from "./options.ts";
import { Kind } from "./wire.ts";

const { beat, margin, ping } = defaultOptions;
const beats = (number: number) => (to: Outbox) => to.section(0, Kind.beat, 2).u8(0).u8(number);

/** One neighbour, 1, among ten members, until its beat is late. */
function lateNeighbour(): Alone {
  const alone = new Alone(10, { probe: 1e9 });
  alone.link(1);
  alone.says(1, beats(0));
  alone.says(1, (to) => to.section(0, Kind.view, 24).tag(0).tag(2).tag(3));
  alone.clear();
  alone.wait(beat + margin - 1);
  assert.equal(alone.told(Kind.ping, 1).length, 0);
  alone.wait(1);
  return alone;
}

/** Members 2 to 9 answer all that is asked of them. */
function othersAnswer(alone: Alone): void {
  for (let peer = 2; peer < 10; peer++) alone.says(peer, (to) => to.section(0, Kind.pong, 6).u16(0).u32(0));
}

test("a late beat is a ping, a second one with three helpers, then a suspicion that the accused one hears", () => {
  const alone = lateNeighbour();
  assert.equal(alone.told(Kind.ping, 1).length, 1);
  alone.clear();
  alone.wait(ping);
  assert.equal(alone.told(Kind.ping, 1).length, 1);
  const helpers = alone.told(Kind.pingFor).map(({ to }) => to);
  assert.equal(helpers.length, 3);
  assert.ok(helpers.includes(2) && helpers.includes(3), "its own neighbours are among them");
  othersAnswer(alone);
  alone.clear();
  alone.wait(ping);
  assert.deepEqual(alone.learnt("suspect"), [1]);
  assert.equal(alone.machine.stateOf(1), "suspect");
  const accused = alone.told(Kind.suspect).map(({ to }) => to);
  assert.equal(accused[0], 1);
  assert.ok(accused.includes(2) && accused.includes(3));
});

function suspected(): Alone {
  const alone = lateNeighbour();
  alone.wait(ping);
  othersAnswer(alone);
  alone.wait(ping);
  assert.deepEqual(alone.learnt("suspect"), [1]);
  return alone;
}

test("a suspicion that nobody shares ends in a death after six seconds", () => {
  const alone = suspected();
  alone.wait(defaultOptions.suspicionMost - 1);
  assert.deepEqual(alone.learnt("dead"), []);
  alone.wait(2);
  assert.deepEqual(alone.learnt("dead"), [1]);
  assert.deepEqual(alone.machine.neighbours, []);
});

test("two who share it make it a death at once, and one counts once", () => {
  const alone = suspected();
  const accuse = (to: Outbox) => to.section(0, Kind.suspect, 14).tag(1).u32(0).u16(1_000);
  alone.wait(300);
  for (let time = 0; time < 5; time++) alone.says(2, accuse);
  alone.wait(1);
  assert.deepEqual(alone.learnt("dead"), []);
  alone.says(3, accuse);
  alone.wait(1);
  assert.deepEqual(alone.learnt("dead"), [1]);
});

test("whatever comes of the accused one ends it, and those who suspect it hear so", () => {
  const alone = suspected();
  alone.says(2, (to) => to.section(0, Kind.suspect, 14).tag(1).u32(0).u16(1_000));
  alone.clear();
  alone.says(1, (to) => to.section(0, Kind.pong, 6).u16(0).u32(0));
  assert.deepEqual(alone.learnt("alive"), [1]);
  assert.equal(alone.told(Kind.veto, 2).length, 1);
  alone.wait(defaultOptions.suspicionMost);
  assert.deepEqual(alone.learnt("dead"), []);
});

test("data of the accused one ends it, too", () => {
  const alone = suspected();
  alone.do((machine) => machine.heard(1, alone.now));
  assert.equal(alone.machine.stateOf(1), "alive");
});

test("who heard it after the check began vetoes, who heard it before does not", () => {
  const alone = suspected();
  const veto = (age: number) => (to: Outbox) => to.section(0, Kind.veto, 10).tag(1).u16(age);
  alone.says(4, veto(2 * ping + 10));
  assert.equal(alone.machine.stateOf(1), "suspect");
  alone.says(4, veto(2 * ping - 10));
  assert.equal(alone.machine.stateOf(1), "alive");
});

test("a helper that reached it ends the check, and twice in a row is a bad link", () => {
  const alone = lateNeighbour();
  alone.wait(ping);
  const reached = (to: Outbox) => to.section(0, Kind.reached, 10).tag(1).u16(0);
  alone.says(2, reached);
  assert.deepEqual(alone.machine.neighbours, [1]);
  alone.wait(beat + ping + margin);
  alone.says(2, reached);
  assert.deepEqual(alone.machine.neighbours, []);
  assert.deepEqual(alone.learnt("suspect"), []);
});

test("a node that no helper answers accuses nobody for a while", () => {
  const alone = lateNeighbour();
  alone.wait(12 * ping);
  assert.deepEqual(alone.learnt("suspect"), []);
  assert.ok(alone.told(Kind.pingFor).length >= 6, "it asked others");
});

test("a node that stood still gives everybody another interval", () => {
  const alone = suspected();
  alone.now += 60_000;
  alone.machine.handleTimeout(alone.now);
  alone.wait(0);
  assert.deepEqual(alone.learnt("dead"), []);
  assert.equal(alone.machine.stateOf(1), "alive");
  assert.equal(alone.machine.counters.pauses, 1);
});

test("who is asked whether it suspects somebody looks for itself, and says so", () => {
  const alone = new Alone(10);
  alone.link(1);
  const accuse = (to: Outbox) => to.section(0, Kind.suspect, 14).tag(1).u32(0).u16(1_000);
  alone.wait(5_000);
  alone.clear();
  alone.says(2, accuse);
  assert.equal(alone.told(Kind.ping, 1).length, 1);
  alone.wait(2 * ping);
  assert.equal(alone.told(Kind.suspect, 1).length, 1);
});

test("who has heard the accused one lately says so at once", () => {
  const alone = new Alone(10);
  alone.link(1);
  alone.wait(500);
  alone.says(2, (to) => to.section(0, Kind.suspect, 14).tag(1).u32(0).u16(1_000));
  assert.equal(alone.told(Kind.veto, 2).length, 1);
  assert.equal(alone.told(Kind.ping, 1).length, 0);
});

test("a claim that a neighbour has left is looked into, and believed when it is silent", () => {
  const alone = new Alone(10);
  alone.link(2);
  alone.says(2, (to) => ended(to, { peer: 1, stamp: stampOf(0, Rank.left), by: 1, age: 0 }));
  assert.deepEqual(alone.learnt("left"), []);
  assert.equal(alone.told(Kind.ended, 1).length, 1, "it hears of it");
  alone.wait(2 * ping + 1);
  assert.deepEqual(alone.learnt("left"), [1]);
});

test("a node that is no neighbour leaves it to those who are for six seconds, whoever agrees", () => {
  const alone = new Alone(10, { probe: 1e9 });
  for (const peer of [2, 3, 4, 6]) {
    alone.says(peer, (to) => to.section(0, Kind.suspect, 14).tag(5).u32(0).u16(1_000));
  }
  alone.wait(ping);
  assert.deepEqual(alone.learnt("suspect"), [5]);
  alone.wait(defaultOptions.suspicionMost - 1);
  assert.deepEqual(alone.learnt("dead"), []);
  alone.wait(1);
  assert.deepEqual(alone.learnt("dead"), [5]);
});
