import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { Keepalive } from "./keepalive.ts";

test("the round trip is that of the request which is surely answered", () => {
  const keepalive = new Keepalive(0);
  assert.equal(keepalive.deadline(), 5_000);
  assert.equal(keepalive.due(4_999), undefined);
  assert.equal(keepalive.due(5_000), "request");
  keepalive.requested(5_000);
  assert.equal(keepalive.answered(5_030), 30);
  assert.equal(keepalive.answered(5_031), undefined);
  keepalive.requested(6_000);
  keepalive.requested(6_001);
  assert.equal(keepalive.answered(6_010), undefined, "either could be meant");
});

test("traffic makes them needless but for one measurement in 30 s", () => {
  const keepalive = new Keepalive(0);
  const requests: number[] = [];
  for (let now = 0; now <= 90_000; now += 1_000) {
    keepalive.received(now);
    if (keepalive.due(now) !== "request") continue;
    keepalive.requested(now);
    requests.push(now);
  }
  assert.deepEqual(requests, [30_000, 60_000, 90_000]);
});

test("a peer that only sends is sent a request as often as its translator needs, from the next one on", () => {
  const keeping = { every: 25_000 };
  const keepalive = new Keepalive(0, keeping);
  const requests: number[] = [];
  for (let now = 1_000; now <= 100_000; now += 1_000) {
    if (now === 60_000) keeping.every = 12_000;
    keepalive.received(now);
    if (keepalive.due(now) !== "request") continue;
    keepalive.requested(now);
    requests.push(now);
  }
  assert.deepEqual(requests, [25_000, 50_000, 62_000, 74_000, 86_000, 98_000]);
});
