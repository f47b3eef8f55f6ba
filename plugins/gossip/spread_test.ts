import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { alive, Alone, ended } from "./alone_fixture.ts";
import { Rank, stampOf } from "./member_table.ts";
import { defaultOptions, limits } from "./options.ts";
import type { Outbox } from "./outbox.ts";
import { recordId } from "./rumours.ts";
import { Kind } from "./wire.ts";

const { resend } = defaultOptions;
const bytes = Uint8Array.of(9, 8, 7);
const id = recordId(bytes);
const record = (to: Outbox) => to.section(0, Kind.record, 3).bytes(bytes);
const beat = (number: number) => (to: Outbox) => to.section(0, Kind.beat, 2).u8(0).u8(number);

function linked(count: number): Alone {
  const alone = new Alone(12);
  alone.link(count);
  return alone;
}

test("a record is told once, and goes to all neighbours but the one it came from", () => {
  const alone = linked(4);
  alone.says(1, record);
  assert.deepEqual(alone.facts, [{ type: "record", record: bytes, from: 1 }]);
  assert.deepEqual(alone.told(Kind.record).map(({ to }) => to), [2, 3, 4]);
  alone.clear();
  alone.says(2, record);
  assert.deepEqual(alone.facts, []);
  assert.equal(alone.told(Kind.record).length, 0);
});

test("what is passed on is the very message that came", () => {
  const alone = linked(2);
  const message = Uint8Array.of(1, Kind.record, 3, 9, 8, 7);
  alone.machine.handle(1, message, alone.now);
  const outputs = [alone.machine.poll(), alone.machine.poll()];
  assert.ok(outputs.some((output) => output?.type === "datagram" && output.message === message));
});

test("a copy that comes soon closes a circle: the link carries no records any more", () => {
  const alone = linked(3);
  alone.says(1, record);
  alone.says(2, record);
  assert.equal(alone.told(Kind.prune, 2).length, 1);
  assert.deepEqual(alone.machine.branches, [1, 3]);
});

test("a copy that comes late, or is marked as one, does not", () => {
  const alone = linked(3);
  alone.says(1, record);
  alone.says(3, (to) => to.section(0, Kind.again, 3).bytes(bytes));
  alone.wait(1_000);
  alone.says(2, record);
  assert.deepEqual(alone.machine.branches, [1, 2, 3]);
});

test("a prune makes a link lazy, a graft eager again", () => {
  const alone = linked(3);
  alone.says(2, (to) => to.section(0, Kind.prune));
  alone.do((machine) => machine.spread(bytes, alone.now));
  assert.deepEqual(alone.told(Kind.record).map(({ to }) => to), [1, 3]);
  alone.says(2, (to) => to.section(0, Kind.graft));
  assert.deepEqual(alone.machine.branches, [1, 2, 3]);
});

test("an early beat acknowledges a record, and takes the place of the next", () => {
  const alone = linked(2);
  alone.says(1, record);
  alone.clear();
  alone.wait(defaultOptions.acknowledge);
  assert.equal(alone.told(Kind.beat, 1).length, 1);
  assert.deepEqual(alone.told(Kind.have, 1).map(({ body }) => body.length), [6]);
  alone.clear();
  alone.wait(defaultOptions.beat - 1);
  assert.equal(alone.told(Kind.beat, 1).length, 0);
});

test("a record that is not acknowledged is sent three times more, one that is is not", () => {
  const alone = linked(2);
  alone.do((machine) => machine.spread(bytes, alone.now));
  alone.says(2, (to) => to.section(0, Kind.have, 6).id(id));
  alone.clear();
  alone.wait(resend);
  assert.deepEqual(alone.told(Kind.again).map(({ to }) => to), [1]);
  alone.wait(20 * resend);
  assert.equal(alone.told(Kind.again, 1).length, 3);
  assert.equal(alone.told(Kind.again, 2).length, 0);
});

test("a beat lists what is new since the last one, once", () => {
  const alone = linked(1);
  alone.says(1, (to) => to.section(0, Kind.prune));
  alone.do((machine) => machine.spread(bytes, alone.now));
  alone.clear();
  alone.wait(3 * defaultOptions.beat);
  assert.ok(alone.told(Kind.beat, 1).length >= 2);
  assert.equal(alone.told(Kind.have, 1).length, 1);
});

test("an id that is not known is asked for, when it had time to come by itself", () => {
  const alone = linked(2);
  alone.says(1, (to) => to.section(0, Kind.have, 6).id(id));
  assert.equal(alone.told(Kind.want).length, 0);
  alone.says(2, (to) => to.section(0, Kind.have, 6).id(id));
  alone.wait(300);
  assert.equal(alone.told(Kind.want, 1).length, 1);
  alone.wait(500);
  assert.equal(alone.told(Kind.want, 2).length, 1, "the next one that has it");
  alone.says(2, (to) => to.section(0, Kind.repair, 3).bytes(bytes));
  assert.equal(alone.facts.length, 1);
  alone.clear();
  alone.wait(5_000);
  assert.equal(alone.told(Kind.want).length, 0);
});

test("what a neighbour asks for it gets", () => {
  const alone = linked(1);
  alone.says(1, (to) => to.section(0, Kind.prune));
  alone.do((machine) => machine.spread(bytes, alone.now));
  alone.says(1, (to) => to.section(0, Kind.want, 6).id(id));
  assert.deepEqual(alone.told(Kind.repair, 1).map(({ body }) => body), [bytes]);
});

test("a beat that does not list a record shows that it is missing", () => {
  const alone = linked(1);
  alone.says(1, beat(0));
  alone.says(1, (to) => to.section(0, Kind.prune));
  alone.do((machine) => machine.spread(bytes, alone.now));
  alone.wait(600);
  alone.clear();
  alone.says(1, beat(1));
  assert.equal(alone.told(Kind.repair, 1).length, 1);
  alone.says(1, beat(2));
  assert.equal(alone.told(Kind.repair, 1).length, 1, "once");
});

test("after a beat that was lost nothing is taken for missing", () => {
  const alone = linked(1);
  alone.says(1, beat(0));
  alone.says(1, (to) => to.section(0, Kind.prune));
  alone.do((machine) => machine.spread(bytes, alone.now));
  alone.wait(600);
  alone.clear();
  alone.says(1, beat(2));
  assert.equal(alone.told(Kind.repair).length, 0);
});

test("two records in a row that did not come along the tree mend it", () => {
  const alone = linked(2);
  alone.says(2, (to) => to.section(0, Kind.prune));
  for (const last of [1, 2]) {
    alone.says(2, (to) => to.section(0, Kind.repair, 2).u16(last));
    assert.equal(alone.told(Kind.graft, 2).length, last - 1);
  }
  assert.deepEqual(alone.machine.branches, [1, 2]);
});

test("a death goes over all links, also those that carry no records, and not to the dead one", () => {
  const alone = linked(3);
  for (const peer of [2, 3]) alone.says(peer, (to) => to.section(0, Kind.prune));
  alone.clear();
  alone.says(1, (to) => ended(to, { peer: 9, stamp: stampOf(0, Rank.dead), by: 7 }));
  assert.deepEqual(alone.learnt("dead"), [9]);
  assert.deepEqual(alone.told(Kind.ended).map(({ to }) => to), [2, 3]);
});

test("where a link of the tree was, all links carry records again", () => {
  const alone = linked(3);
  alone.says(2, (to) => to.section(0, Kind.prune));
  alone.says(1, (to) => to.section(0, Kind.disconnect));
  assert.equal(alone.told(Kind.graft, 2).length, 1);
  assert.deepEqual(alone.machine.branches, [2, 3]);
});

test("one who speaks although it is held for dead is told, and is alive when it says so", () => {
  const alone = linked(2);
  alone.wait(3_000);
  alone.says(2, (to) => ended(to, { peer: 1, stamp: stampOf(0, Rank.dead), by: 7, age: 2_000 }));
  alone.wait(1_001);
  assert.deepEqual(alone.machine.neighbours, [2]);
  alone.clear();
  alone.says(1, beat(1));
  assert.equal(alone.told(Kind.ended, 1).length, 1);
  alone.says(1, (to) => alive(to, 1, 1));
  assert.deepEqual(alone.learnt("alive"), [1]);
  assert.equal(alone.told(Kind.ask, 1).length, 1, "it may come from beyond a cut");
});

test("where records are judged, a sound one goes further and one that is not goes nowhere, nor is it told of", () => {
  const alone = new Alone(12, {}, { isJudged: true });
  alone.link(3);
  alone.says(1, record);
  assert.deepEqual(alone.facts, [{ type: "record", record: bytes, from: 1 }]);
  assert.equal(alone.told(Kind.record).length, 0);
  alone.do((machine) => machine.judge(bytes, true, alone.now));
  assert.deepEqual(alone.told(Kind.record).map(({ to }) => to), [2, 3]);
  alone.clear();
  const other = Uint8Array.of(6, 6, 6);
  alone.says(1, (to) => to.section(0, Kind.record, 3).bytes(other));
  alone.do((machine) => machine.judge(other, false, alone.now));
  for (let i = 0; i < 3; i++) {
    alone.says(2, (to) => to.section(0, Kind.repair, 3).bytes(other));
    alone.do((machine) => machine.judge(other, false, alone.now));
    alone.says(3, (to) => to.section(0, Kind.record, 3).bytes(other));
    alone.do((machine) => machine.judge(other, false, alone.now));
  }
  alone.wait(30_000);
  assert.deepEqual(
    alone.facts.filter(({ type }) => type === "record").length,
    2,
    "it is judged twice at most",
  );
  const carried = [Kind.record, Kind.repair, Kind.again].flatMap((kind) => alone.told(kind));
  assert.ok(carried.every(({ body }) => body[0] !== 6));
  const have = alone.told(Kind.have).flatMap(({ body }) =>
    [...Array(body.length / 6)].map((_, i) => body.slice(6 * i, 6 * i + 6))
  );
  assert.ok(
    have.every((each) =>
      new DataView(each.buffer).getUint16(0) * 2 ** 32 + new DataView(each.buffer).getUint32(2) !==
        recordId(other)
    ),
  );
});

test("a record that overtook what makes it sound is judged once more when it is sent again, and goes further then", () => {
  const alone = new Alone(12, {}, { isJudged: true });
  alone.link(3);
  alone.says(1, record);
  alone.do((machine) => machine.judge(bytes, false, alone.now));
  alone.wait(400);
  alone.says(1, (to) => to.section(0, Kind.again, bytes.length).bytes(bytes));
  alone.do((machine) => machine.judge(bytes, true, alone.now));
  assert.equal(alone.facts.filter(({ type }) => type === "record").length, 2);
  assert.deepEqual(alone.told(Kind.again).map(({ to }) => to), [2, 3]);
});

test("of the copies that one member sends in ten seconds 4,096 are looked at", () => {
  const alone = new Alone(12);
  alone.says(1, (to) => {
    for (let i = 0; i < 5_000; i++) to.section(0, Kind.record, 1).bytes(Uint8Array.of(7));
  });
  assert.equal(alone.machine.counters.overLimit, 5_000 - 4_096);
  alone.says(2, record);
  assert.equal(alone.facts.filter(({ type }) => type === "record").length, 2, "others are heard");
});

test("records that are not sound take the place of none that is kept for who missed it", () => {
  const alone = new Alone(12, {}, { isJudged: true });
  alone.link(2);
  alone.do((machine) => machine.spread(bytes, alone.now));
  for (let n = 1; n < limits.rumours; n++) {
    alone.do((machine) => machine.spread(Uint8Array.of(n >> 8, n, 0), alone.now));
  }
  for (let n = 0; n < 10; n++) {
    const lie = Uint8Array.of(n >> 8, n);
    alone.says(1, (to) => to.section(0, Kind.record, 2).bytes(lie));
    alone.do((machine) => machine.judge(lie, false, alone.now));
  }
  alone.clear();
  alone.says(2, (to) => to.section(0, Kind.want, 6).id(id));
  assert.equal(alone.told(Kind.repair, 2).length, 1);
});
