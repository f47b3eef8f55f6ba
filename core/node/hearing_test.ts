import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import type { PeerId } from "../contracts/values.ts";
import { fullCredit, Hearing } from "./hearing.ts";

const [eve, bob] = ["eve", "bob"] as [PeerId, PeerId];
const useless = (time: number) => ({ time, news: 0 });

/** Whether a peer that nobody knew is still heard after this much of its records was checked at once. */
function heardAfter(time: number, news: number): boolean {
  const hearing = new Hearing();
  hearing.charge(eve, { time, news }, 0);
  return hearing.isHeard(eve, 0);
}

test("a peer may take two seconds at once with what is known already, and not a moment more", () => {
  assert.equal(fullCredit, 2000);
  assert.ok(new Hearing().isHeard(eve, 0), "who has taken nothing is heard");
  assert.deepEqual([heardAfter(1999, 0), heardAfter(2000, 0)], [true, false]);
});

test("what was new counts a quarter, and a part of news in proportion", () => {
  assert.deepEqual([heardAfter(7999, 1), heardAfter(8000, 1)], [true, false]);
  assert.deepEqual([heardAfter(3199, 0.5), heardAfter(3200, 0.5)], [true, false]);
});

test("time that was not taken costs nothing, also when a clock counts it as less than none", () => {
  const hearing = new Hearing();
  hearing.charge(eve, useless(1999), 0);
  for (const time of [0, -5000]) hearing.charge(eve, useless(time), 0);
  hearing.charge(eve, useless(0.5), 0);
  assert.ok(hearing.isHeard(eve, 0));
  hearing.charge(eve, useless(0.5), 0);
  assert.ok(!hearing.isHeard(eve, 0));
});

test("what one peer takes is not counted against another", () => {
  const hearing = new Hearing();
  hearing.charge(eve, useless(5000), 0);
  assert.deepEqual([hearing.isHeard(eve, 0), hearing.isHeard(bob, 0)], [false, true]);
});

test("one long check, as over a sleep of this machine, is forgotten in twenty seconds", () => {
  const hearing = new Hearing();
  hearing.charge(eve, useless(3_600_000), 0);
  assert.ok(!hearing.isHeard(eve, 20_000));
  assert.ok(hearing.isHeard(eve, 20_001));
});

test("how often a peer is asked for does not change what it gets", () => {
  const [often, once] = [new Hearing(), new Hearing()];
  for (const hearing of [often, once]) hearing.charge(eve, useless(2100), 0);
  for (let now = 0; now < 1000; now += 8) assert.ok(!often.isHeard(eve, now), `${now}`);
  assert.deepEqual([often.isHeard(eve, 1001), once.isHeard(eve, 1001)], [true, true]);
});

test("a long rest gives back all that was taken, and no more than that", () => {
  const hearing = new Hearing();
  hearing.charge(eve, useless(1000), 0);
  assert.ok(hearing.isHeard(eve, 3_600_000));
  hearing.charge(eve, useless(1999), 3_600_000);
  assert.ok(hearing.isHeard(eve, 3_600_000));
  hearing.charge(eve, useless(1), 3_600_000);
  assert.ok(!hearing.isHeard(eve, 3_600_000));
});

test("a peer that never stops takes two seconds and then a tenth of the time at most", () => {
  const hearing = new Hearing();
  const [check, idle, end] = [50, 10, 600_000];
  let [now, taken] = [0, 0];
  while (now < end) {
    const isHeard = hearing.isHeard(eve, now);
    now += isHeard ? check : idle;
    if (!isHeard) continue;
    taken += check;
    hearing.charge(eve, useless(check), now);
  }
  // What is under way when the credit ends is finished.
  assert.ok(taken <= fullCredit + end / 10 + check, `${taken} ms`);
  assert.ok(taken >= fullCredit + end / 12, `${taken} ms`);
});

test("of a peer that has gone nothing is kept, of all others everything", () => {
  const hearing = new Hearing();
  for (const peer of [eve, bob]) hearing.charge(peer, useless(5000), 0);
  hearing.keepOnly([bob]);
  assert.deepEqual([hearing.isHeard(eve, 0), hearing.isHeard(bob, 0)], [true, false]);
});
