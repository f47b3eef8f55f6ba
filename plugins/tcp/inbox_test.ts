import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { Inbox } from "./inbox.ts";

test("what is appended comes out in order, whatever is taken between", () => {
  const inbox = new Inbox();
  const out: number[] = [];
  let next = 0;
  for (let round = 0; round < 500; round++) {
    inbox.append(Uint8Array.from({ length: (round * 7) % 13 }, () => next++));
    const count = Math.min(inbox.length, (round * 5) % 17);
    out.push(...inbox.bytes.subarray(0, count));
    inbox.take(count);
  }
  out.push(...inbox.bytes);
  assert.deepEqual(out, Array.from({ length: next }, (_, i) => i & 0xff));
});

test("the memory appended from is free, and an empty inbox holds none", () => {
  const inbox = new Inbox();
  const chunk = Uint8Array.of(1, 2, 3);
  inbox.append(chunk);
  chunk.fill(9);
  assert.deepEqual(inbox.bytes, Uint8Array.of(1, 2, 3));
  inbox.take(3);
  assert.equal(inbox.bytes.buffer.byteLength, 0);
});

test("memory stays within twice of what waits, also after a long time of small steps", () => {
  const inbox = new Inbox();
  for (let i = 0; i < 10_000; i++) {
    inbox.append(new Uint8Array(10));
    if (inbox.length > 100) inbox.take(20);
    assert.ok(inbox.bytes.buffer.byteLength <= 256);
  }
});
