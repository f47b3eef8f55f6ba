/** When a silent peer is asked, how often, and when it is given up. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { Keepalive, type KeepaliveAction } from "./keepalive.ts";

/** What is due at which time, when every request is sent at once and nothing comes. */
function silence(keepalive: Keepalive, from: number, to: number): [number, KeepaliveAction][] {
  const seen: [number, KeepaliveAction][] = [];
  for (let now = from; now <= to; now++) {
    const due = keepalive.due(now);
    if (due === undefined) continue;
    seen.push([now, due]);
    if (due === "dead") break;
    keepalive.requested(now);
  }
  return seen;
}

test("a silent peer is asked after 5, 10 and 15 s and is down after 20 s", () => {
  assert.deepEqual(silence(new Keepalive(0), 0, 30_000), [
    ...[[5_000, "request"], [10_000, "request"], [15_000, "request"]],
    [20_000, "dead"],
  ]);
});

test("a sign of life starts the count anew", () => {
  const keepalive = new Keepalive(0);
  silence(keepalive, 0, 15_000);
  keepalive.received(16_000);
  assert.equal(keepalive.deadline(), 21_000);
  assert.equal(keepalive.due(20_999), undefined);
  assert.deepEqual(silence(keepalive, 16_000, 40_000).map(([at]) => at), [21_000, 26_000, 31_000, 36_000]);
});

test("the deadline is when something is due, never later and never earlier", () => {
  const keepalive = new Keepalive(100);
  for (let now = 100; now <= 10_000; now += 50) {
    assert.equal(keepalive.due(now) !== undefined, now >= keepalive.deadline(), `${now}`);
    if (now >= keepalive.deadline()) keepalive.requested(now);
  }
});

test("a measurement that is due is no sign that the peer is silent", () => {
  const keepalive = new Keepalive(0);
  for (let now = 1_000; now <= 120_000; now += 1_000) {
    keepalive.received(now);
    const due = keepalive.due(now);
    assert.notEqual(due, "dead");
    if (due === "request") keepalive.requested(now);
  }
  assert.deepEqual(silence(keepalive, 120_001, 200_000).at(-1), [140_000, "dead"]);
});

test("a request that overlaps an open one measures nothing, one 5 s later measures again", () => {
  const keepalive = new Keepalive(0);
  keepalive.requested(1_000);
  keepalive.requested(5_999);
  assert.equal(keepalive.answered(6_010), undefined);
  keepalive.requested(7_000);
  keepalive.requested(12_000);
  assert.equal(keepalive.answered(12_040), 40);
  keepalive.requested(13_000);
  assert.equal(keepalive.answered(13_007), 7);
});
