/** What a member may not do to others, whatever it sends. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { SimRandom } from "../../tests/sim/random.ts";
import { alive, Alone, ended } from "./alone_fixture.ts";
import { Rank, stampOf } from "./member_table.ts";
import { limits } from "./options.ts";
import type { Outbox } from "./outbox.ts";
import { Kind, version } from "./wire.ts";

const liar = 1;

test("messages that are cut, of a later version or of a stranger change nothing and are counted", () => {
  const alone = new Alone(5);
  alone.link(1);
  alone.gives(liar, Uint8Array.of(version, Kind.disconnect, 0, Kind.have));
  alone.gives(liar, new Uint8Array(0));
  alone.gives(liar, Uint8Array.of(version + 1, Kind.disconnect, 0));
  alone.gives(liar, Uint8Array.of(version, 99, 0));
  alone.gives(77, Uint8Array.of(version, Kind.ask, 1, 0));
  alone.gives(0, Uint8Array.of(version, Kind.ask, 1, 0));
  const { malformed, unknownVersion, unknownKind, stranger } = alone.machine.counters;
  assert.deepEqual([malformed, unknownVersion, unknownKind, stranger], [2, 1, 1, 2]);
  assert.deepEqual(alone.machine.neighbours, [1]);
  assert.deepEqual(alone.facts, []);
});

test("one accuser is believed eight deaths in ten seconds", () => {
  const alone = new Alone(60);
  alone.link(1);
  for (let peer = 10; peer < 50; peer++) {
    alone.says(liar, (to) => ended(to, { peer, stamp: stampOf(0, Rank.dead), by: liar }));
  }
  assert.equal(alone.learnt("dead").length, limits.deathsByAccuser);
  assert.equal(alone.told(Kind.ping).length, 0, "and for the rest nobody is troubled");
});

test("one who passes deaths on in others' names is believed a bounded number of them", () => {
  const alone = new Alone(700);
  alone.link(1);
  for (let peer = 10; peer < 660; peer++) {
    alone.says(liar, (to) => ended(to, { peer, stamp: stampOf(0, Rank.dead), by: peer + 1 }));
  }
  assert.equal(alone.learnt("dead").length, 350);
});

test("a member that was heard after the accusation began is not dead", () => {
  const alone = new Alone(10);
  alone.link(1);
  alone.do((machine) => machine.heard(5, alone.now));
  alone.wait(1_000);
  alone.says(liar, (to) => ended(to, { peer: 5, stamp: stampOf(0, Rank.dead), by: liar, age: 1_500 }));
  assert.deepEqual(alone.learnt("dead"), []);
  assert.equal(alone.told(Kind.ended, 5).length, 1, "it is asked, and told what is said of it");
  alone.says(5, (to) => alive(to, 5, 1));
  alone.wait(5_000);
  assert.deepEqual(alone.learnt("dead"), []);
});

test("a member that was heard lately is asked, however young the accusation is said to be", () => {
  const alone = new Alone(10);
  alone.link(2);
  alone.do((machine) => machine.heard(5, alone.now));
  alone.wait(30_000);
  alone.clear();
  alone.says(liar, (to) => ended(to, { peer: 5, stamp: stampOf(0, Rank.dead), by: liar, age: 0 }));
  assert.deepEqual([alone.learnt("dead"), alone.told(Kind.ended, 2)], [[], []], "and nobody is told");
  assert.equal(alone.told(Kind.ended, 5).length, 1);
});

test("that one who was gone has begun anew is believed of others, as it skips eight incarnations", () => {
  const alone = new Alone(10);
  alone.link(1);
  alone.says(5, (to) => alive(to, 5, 1));
  alone.wait(50_000);
  alone.link(1);
  alone.says(liar, (to) => ended(to, { peer: 5, stamp: stampOf(1, Rank.dead), by: liar }));
  assert.deepEqual(alone.learnt("dead"), [5]);
  alone.says(liar, (to) => alive(to, 5, 1 + limits.restartStep));
  assert.deepEqual(alone.learnt("alive"), [5]);
});

test("a member is not accused by itself, by the dead, or by who is no member", () => {
  const alone = new Alone(10);
  alone.link(1);
  alone.says(liar, (to) => ended(to, { peer: 5, stamp: stampOf(0, Rank.dead), by: 5 }));
  alone.says(liar, (to) => ended(to, { peer: 6, stamp: stampOf(0, Rank.dead), by: liar }));
  alone.says(liar, (to) => ended(to, { peer: 7, stamp: stampOf(0, Rank.dead), by: 6 }));
  assert.deepEqual(alone.learnt("dead"), [6]);
});

test("an incarnation two ahead is believed of the member itself alone", () => {
  const alone = new Alone(10);
  alone.link(1);
  alone.says(5, (to) => alive(to, 5, 3));
  alone.wait(2_000);
  alone.says(liar, (to) => ended(to, { peer: 5, stamp: stampOf(5, Rank.dead), by: liar, age: 1_000 }));
  assert.deepEqual(alone.learnt("dead"), [], "it is asked first");
  alone.wait(3_000);
  assert.deepEqual(alone.learnt("dead"), [5]);
  const beyond = 5 + limits.restartStep + 1;
  alone.says(liar, (to) => alive(to, 5, beyond));
  assert.deepEqual(alone.learnt("alive"), []);
  assert.equal(alone.machine.counters.incarnationJump, 1);
  alone.says(5, (to) => alive(to, 5, beyond));
  assert.deepEqual(alone.learnt("alive"), [5]);
});

test("an incarnation out of the reach of its owner is never believed, not of one that nobody has heard either", () => {
  const alone = new Alone(10);
  alone.link(1);
  const far = limits.incarnationStep + 1;
  alone.says(liar, (to) => ended(to, { peer: 5, stamp: stampOf(far, Rank.dead), by: liar }));
  alone.says(liar, (to) => alive(to, 6, far));
  alone.says(liar, (to) => to.section(0, Kind.entries, 13).u8(0).tag(7).u32(stampOf(far, Rank.dead)));
  alone.wait(5_000);
  assert.deepEqual(alone.learnt("dead"), []);
  assert.ok(alone.machine.counters.incarnationJump >= 3);
});

test("states of a third are heard on links alone, and who has left must have said so", () => {
  const alone = new Alone(10);
  alone.link(1);
  alone.says(9, (to) => ended(to, { peer: 5, stamp: stampOf(0, Rank.dead), by: 9 }));
  alone.says(9, (to) => alive(to, 6, 1));
  alone.says(liar, (to) => ended(to, { peer: 7, stamp: stampOf(0, Rank.left), by: liar }));
  alone.wait(3_000);
  assert.equal(alone.machine.counters.unfounded, 3);
  assert.deepEqual([...alone.learnt("dead"), ...alone.learnt("left")], []);
  alone.says(liar, (to) => ended(to, { peer: 7, stamp: stampOf(0, Rank.left), by: 7, age: 0 }));
  assert.deepEqual(alone.learnt("left"), [7]);
});

test("the death of a neighbour is looked into, whoever tells it", () => {
  const alone = new Alone(10);
  alone.link(2);
  alone.wait(3_000);
  alone.says(liar, (to) => ended(to, { peer: 2, stamp: stampOf(0, Rank.dead), by: liar }));
  assert.deepEqual(alone.learnt("dead"), []);
  assert.equal(alone.told(Kind.ended, 2).length, 1, "it hears of it at once");
  alone.wait(1_001);
  assert.deepEqual(alone.learnt("dead"), [2]);
});

test("new incarnations of the living are taken of one sender at a bounded rate", () => {
  const alone = new Alone(10);
  alone.link(4);
  alone.says(5, (to) => alive(to, 5, 0));
  for (let incarnation = 1; incarnation <= 500; incarnation++) {
    alone.says(liar, (to) => alive(to, 5, incarnation));
  }
  assert.ok(alone.machine.counters.overLimit > 0);
  const passedOn = alone.told(Kind.alive, 2).length;
  assert.ok(passedOn <= limits.revisionsBySender, `${passedOn}`);
});

test("a stamp that is none is not believed, of oneself neither", () => {
  const alone = new Alone(10);
  for (
    const stamp of [stampOf(0, 3), stampOf(0, 7), 0xffffffff, stampOf(limits.incarnation + 1, Rank.dead)]
  ) {
    alone.says(liar, (to) => ended(to, { peer: 5, stamp: stamp >>> 0, by: liar }));
    alone.says(5, (to) => ended(to, { peer: 5, stamp: stamp >>> 0, by: 5 }));
    alone.says(liar, (to) => ended(to, { peer: 0, stamp: stamp >>> 0, by: liar }));
  }
  assert.deepEqual(alone.facts.filter(({ type }) => type === "dead" || type === "left"), []);
});

test("an accusation lifts this node's incarnation by a bounded step, and not twice at once", () => {
  const alone = new Alone(10);
  alone.says(
    liar,
    (to) => ended(to, { peer: 0, stamp: stampOf(limits.incarnation - 1, Rank.dead), by: liar }),
  );
  alone.says(
    liar,
    (to) => ended(to, { peer: 0, stamp: stampOf(limits.incarnation - 1, Rank.dead), by: liar }),
  );
  assert.equal(alone.machine.incarnation, limits.incarnationStep + 1);
});

test("a node that is called dead says at once that it lives, in a new incarnation", () => {
  const alone = new Alone(10, {}, { incarnation: 4 });
  alone.link(2);
  alone.says(2, (to) => ended(to, { peer: 0, stamp: stampOf(4, Rank.dead), by: liar }));
  assert.deepEqual(alone.facts, [{ type: "refuted", incarnation: 5 }]);
  for (const neighbour of [1, 2]) assert.ok(alone.told(Kind.alive, neighbour).length > 0);
  alone.clear();
  alone.says(2, (to) => ended(to, { peer: 0, stamp: stampOf(4, Rank.dead), by: liar }));
  assert.deepEqual(alone.facts, [], "an old accusation is answered, not refuted again");
  assert.equal(alone.told(Kind.alive, 2).length, 1);
});

test("suspicions of one member make this node check four at a time", () => {
  const alone = new Alone(60);
  for (let peer = 10; peer < 50; peer++) {
    alone.says(liar, (to) => to.section(0, Kind.suspect, 14).tag(peer).u32(0).u16(1));
  }
  assert.equal(alone.told(Kind.ping).length, limits.checksByAccuser);
});

test("claims of an endless digest are looked into thirty-two at a time, and a thousand wait", () => {
  const alone = new Alone(3_000);
  for (let peer = 2; peer < 3_000; peer++) {
    alone.says(peer, (to) => to.section(0, Kind.pong, 6).u16(0).u32(0));
  }
  alone.clear();
  for (let start = 10; start < 2_990; start += 80) {
    alone.says(liar, (to) => {
      to.section(0, Kind.entries, 1 + 12 * 80).u8(0);
      for (let peer = start; peer < start + 80; peer++) {
        to.tag(Math.min(peer, 2_999)).u32(stampOf(0, Rank.dead));
      }
    });
  }
  assert.ok(alone.told(Kind.ping).length <= limits.checks);
  assert.ok(alone.machine.counters.overLimit > 1_000);
  assert.deepEqual(alone.learnt("dead"), []);
});

test("pings on errand are bounded, and each is one ping", () => {
  const alone = new Alone(60);
  for (let time = 0; time < 100; time++) {
    alone.says(liar, (to) => to.section(0, Kind.pingFor, 10).tag(10 + time % 40).u16(0));
  }
  assert.ok(alone.told(Kind.ping).length <= limits.errandsByAsker);
});

test("records beyond a member's rate are dropped, and beyond their length, too", () => {
  const alone = new Alone(5);
  const record = (number: number) => (to: Outbox) => to.section(0, Kind.record, 2).u16(number);
  for (let number = 0; number < limits.recordsBySender + 100; number++) alone.says(liar, record(number));
  assert.equal(alone.facts.length, limits.recordsBySender);
  alone.says(2, (to) => to.section(0, Kind.record, 1_025).bytes(new Uint8Array(1_025)));
  assert.equal(alone.facts.length, limits.recordsBySender);
  assert.equal(alone.machine.counters.oversized, 1);
});

test("announced ids that never come are given up", () => {
  const alone = new Alone(5);
  alone.link(2);
  for (let start = 0; start < 2_000; start += 100) {
    alone.says(liar, (to) => {
      to.section(0, Kind.have, 600);
      for (let id = start; id < start + 100; id++) to.id(id);
    });
  }
  assert.ok(alone.machine.counters.overLimit > 1_000);
  alone.wait(8_000);
  alone.clear();
  alone.wait(8_000);
  assert.equal(alone.told(Kind.want).length, 0);
});

test("an expelled member is not heard, not named, and not called", () => {
  const alone = new Alone(5);
  alone.link(2);
  alone.do((machine) => machine.expel(liar, alone.now));
  assert.deepEqual(alone.machine.neighbours, [2]);
  assert.equal(alone.machine.stateOf(liar), "unknown");
  alone.clear();
  alone.says(liar, (to) => to.section(0, Kind.ask, 1).u8(0));
  alone.says(2, (to) => alive(to, liar, 9));
  alone.wait(120_000);
  assert.equal(alone.said.filter(({ to }) => to === liar).length, 0);
  assert.deepEqual(alone.facts.filter((fact) => "peer" in fact && fact.peer === liar), []);
});

test("random messages of members never throw, and leave the machine able to go on", () => {
  const random = new SimRandom(5);
  const alone = new Alone(12);
  alone.link(4);
  for (let time = 0; time < 3_000; time++) {
    alone.says(1 + random.below(11), (to) => {
      const length = random.below(60);
      to.section(0, random.below(30), length).bytes(random.fill(new Uint8Array(length)));
    });
    if (time % 50 === 0) alone.wait(random.below(2_000));
  }
  alone.clear();
  alone.says(3, (to) => to.section(0, Kind.ping, 2).u16(513));
  assert.deepEqual(alone.told(Kind.pong, 3)[0]?.body.subarray(0, 2), Uint8Array.of(2, 1));
});
