import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { alive, Alone } from "./alone_fixture.ts";
import { Rank, stampOf } from "./member_table.ts";
import { defaultOptions } from "./options.ts";
import type { Outbox } from "./outbox.ts";
import { EntriesFlag, Kind } from "./wire.ts";

test("a digest rides on a beat every half minute, and equal ones are not answered", () => {
  const alone = new Alone(10, { probe: 1e9 });
  alone.link(1);
  for (let beats = 0; beats < 10; beats++) {
    alone.says(1, (to) => to.section(0, Kind.beat, 2).u8(0).u8(beats));
    alone.wait(defaultOptions.beat - 100);
  }
  const digests = alone.told(Kind.digest, 1);
  assert.ok(digests.length >= 2 && digests.length <= 5, `${digests.length}`);
  alone.clear();
  alone.says(1, (to) => to.section(0, Kind.digest, 8).bytes(digests[0]!.body));
  assert.deepEqual(alone.said, []);
});

test("another digest is answered with sums, sums with the entries that differ", () => {
  const one = new Alone(50);
  const other = new Alone(50);
  other.says(7, (to) => alive(to, 7, 1));
  one.clear();
  one.says(1, (to) => to.section(0, Kind.digest, 8).u32(1).u32(2));
  const [summary] = one.told(Kind.summary, 1);
  other.clear();
  other.says(1, (to) => to.section(0, Kind.summary, 1_024).bytes(summary!.body));
  const entries = other.told(Kind.entries, 1);
  assert.equal(entries.length, 1);
  assert.ok(entries[0]!.body.length < 1 + 12 * 5, "only those of the one bucket");
  one.says(1, (to) => to.section(0, Kind.entries, entries[0]!.body.length).bytes(entries[0]!.body));
  one.clear();
  one.says(7, (to) => to.section(0, Kind.suspect, 14).tag(9).u32(0).u16(0));
  other.says(1, (to) => to.section(0, Kind.digest, 8).u32(1).u32(2));
  one.says(1, (to) => to.section(0, Kind.digest, 8).u32(1).u32(2));
  assert.deepEqual(one.told(Kind.summary)[0]!.body, other.told(Kind.summary)[0]!.body);
});

test("what is known better goes back to who asked", () => {
  const alone = new Alone(10);
  alone.says(5, (to) => alive(to, 5, 2));
  alone.clear();
  alone.says(
    1,
    (to) => to.section(0, Kind.entries, 13).u8(EntriesFlag.answer).tag(5).u32(stampOf(1, Rank.dead)),
  );
  const [answer] = alone.told(Kind.entries, 1);
  assert.deepEqual(answer!.body.subarray(9), Uint8Array.of(0, 0, 0, 16));
});

test("a node that knows nothing takes the dead from a neighbour's table, one that knows looks", () => {
  const alone = new Alone(10);
  alone.link(1);
  alone.says(6, (to) => to.section(0, Kind.pong, 6).u16(0).u32(0));
  alone.says(1, (to) => {
    to.section(0, Kind.entries, 25).u8(0);
    to.tag(5).u32(stampOf(40, Rank.dead)).tag(6).u32(stampOf(0, Rank.dead));
  });
  assert.deepEqual(alone.learnt("dead"), [5]);
  assert.equal(alone.told(Kind.ping, 6).length, 1);
  alone.wait(3_000);
  assert.deepEqual(alone.learnt("dead"), [5, 6]);
});

test("of whom it has heard anything, or of whom no neighbour tells, a new node asks before it takes a table's word", () => {
  const alone = new Alone(90);
  alone.link(1);
  for (const peer of [5, 6]) alone.do((machine) => machine.heard(peer, alone.now));
  const table = (peers: readonly number[]) => (to: Outbox) => {
    to.section(0, Kind.entries, 1 + 12 * peers.length).u8(0);
    for (const peer of peers) to.tag(peer).u32(stampOf(1, Rank.dead));
  };
  alone.says(1, table([5, 6]));
  alone.says(80, table(Array.from({ length: 60 }, (_, i) => 10 + i)));
  assert.deepEqual(alone.learnt("dead"), []);
  assert.equal(alone.told(Kind.ping, 5).length, 1);
});

test("one member gets six comparisons in ten seconds", () => {
  const alone = new Alone(10);
  for (let time = 0; time < 50; time++) alone.says(1, (to) => to.section(0, Kind.digest, 8).u32(time).u32(2));
  assert.equal(alone.told(Kind.summary).length, 6);
});

test("a random member that is no neighbour is probed every half minute, and dead ones are called", () => {
  const alone = new Alone(10);
  alone.says(5, (to) => to.section(0, Kind.pong, 6).u16(0).u32(0));
  alone.link(1);
  alone.wait(2_000);
  alone.says(1, (to) => to.section(0, Kind.ended, 22).tag(5).u32(stampOf(0, Rank.dead)).tag(2).u16(1_500));
  alone.clear();
  alone.wait(60_000);
  const called = alone.told(Kind.ping, 5).length;
  assert.ok(called >= 8 && called <= 16, `${called}`);
  assert.ok(alone.told(Kind.digest).some(({ to }) => to !== 1 && to !== 5));
});

const own = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const stateDigest = () => own;

test("a digest over the records is shown to each new neighbour, and with the digest of members", () => {
  const alone = new Alone(10, {}, { stateDigest });
  alone.says(1, (to) => to.section(0, Kind.ask, 1).u8(0));
  assert.deepEqual(alone.told(Kind.state, 1).map(({ body }) => body), [own]);
  alone.clear();
  alone.wait(120_000);
  assert.ok(alone.told(Kind.digest).length >= 3);
  assert.equal(alone.told(Kind.state).length, alone.told(Kind.digest).length);
  const silent = new Alone(10);
  silent.link(2);
  silent.wait(120_000);
  assert.equal(silent.told(Kind.state).length, 0, "where there is nothing to compare");
});

test("who shows another one is named, six times in ten seconds at most; an equal one is none", () => {
  const alone = new Alone(10, {}, { stateDigest });
  const shows = (from: number, digest: Uint8Array) =>
    alone.says(from, (to) => to.section(0, Kind.state, 8).bytes(digest));
  shows(3, own);
  assert.equal(alone.facts.length, 0);
  for (let i = 0; i < 20; i++) shows(3, new Uint8Array(8).fill(i));
  assert.deepEqual(alone.facts.map((fact) => fact.type), Array(6).fill("differs"));
  shows(4, new Uint8Array(8));
  assert.deepEqual(alone.facts.at(-1), { type: "differs", peer: 4, digest: new Uint8Array(8) });
});

test("of a hundred digests over records in one datagram 32 are looked at", () => {
  let looks = 0;
  const alone = new Alone(10, {}, { stateDigest: () => (looks++, own) });
  alone.says(3, (to) => {
    for (let i = 0; i < 100; i++) to.section(0, Kind.state, 8).bytes(own);
  });
  assert.equal(looks, 32);
});

test("whoever has much that is new shows its digest to all neighbours, once a second", () => {
  const alone = new Alone(10, {}, { stateDigest });
  alone.link(3);
  const hurry = () => alone.do((machine) => machine.hurry(alone.now));
  hurry();
  hurry();
  assert.deepEqual(alone.told(Kind.state).map(({ to }) => to), [1, 2, 3]);
  alone.now += 1_000;
  hurry();
  assert.equal(alone.told(Kind.state).length, 6);
});

test("what is learned within the second after is shown at its end, and then no more", () => {
  const alone = new Alone(10, {}, { stateDigest });
  alone.link(3);
  const shown = () => alone.told(Kind.state).length;
  alone.do((machine) => machine.hurry(alone.now));
  alone.wait(100);
  for (let i = 0; i < 5; i++) alone.do((machine) => machine.hurry(alone.now));
  assert.equal(shown(), 3);
  alone.wait(900);
  assert.equal(shown(), 6);
  alone.wait(3_000);
  assert.equal(shown(), 6);
});
