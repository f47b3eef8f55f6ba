import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { SimRandom } from "../sim/random.ts";
import { EventQueue } from "./event_queue.ts";

test("events come in the order of a sorted list, equal times in the order in which they were added", () => {
  const random = new SimRandom(5);
  const queue = new EventQueue(2);
  const expected: { at: number; detail: number }[] = [];
  for (let detail = 0; detail < 5_000; detail++) {
    const at = random.below(300);
    queue.add(at, 1, 7, detail);
    expected.push({ at, detail });
  }
  expected.sort((a, b) => a.at - b.at || a.detail - b.detail);
  for (const event of expected) {
    assert.ok(queue.take(Number.POSITIVE_INFINITY));
    assert.deepEqual([queue.taken.at, queue.taken.detail], [event.at, event.detail]);
  }
  assert.equal(queue.take(Number.POSITIVE_INFINITY), false);
});

test("adding between taking keeps the order, and slots are used again", () => {
  const random = new SimRandom(6);
  const queue = new EventQueue(16);
  for (let i = 0; i < 16; i++) queue.add(random.float(), 1, 0, 0);
  let last = 0;
  for (let i = 0; i < 20_000; i++) {
    assert.ok(queue.take(Number.POSITIVE_INFINITY));
    assert.ok(queue.taken.at >= last, `${queue.taken.at} after ${last}`);
    last = queue.taken.at;
    queue.add(last + random.float(), 1, 0, 0);
  }
  assert.equal(queue.size, 16);
});

test("an event that is later than the end stays, and a message comes with its event and with no other", () => {
  const queue = new EventQueue();
  const message = new Uint8Array(3);
  queue.addMessage(5, 2, 1, 9, message);
  assert.equal(queue.take(4), false);
  assert.equal(queue.next, 5);
  assert.ok(queue.take(5));
  assert.deepEqual({ ...queue.taken }, { at: 5, kind: 2, node: 1, detail: 9, message });
  queue.add(6, 2, 1, 9);
  assert.ok(queue.take(6));
  assert.equal(queue.taken.message, undefined);
});

test("a time that is no number is refused", () => {
  assert.throws(() => new EventQueue().add(Number.NaN, 1, 0, 0), RangeError);
});
