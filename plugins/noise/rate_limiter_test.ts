import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { AskedBefore } from "./asked_before.ts";
import { limits } from "./constants.ts";
import { RateLimiter } from "./rate_limiter.ts";
import { SeededRandom } from "./testing_rig.ts";

const rates = { perSecond: 10, burst: 5, perSourcePerSecond: 2, sourceBurst: 2 };

function all(limiter: RateLimiter, sources: string, now: number): boolean[] {
  return [...sources].map((source) => limiter.allow(source, now));
}

test("the rate limiter counts per source and overall", () => {
  const limiter = new RateLimiter(rates, new SeededRandom(1));
  assert.deepEqual(all(limiter, "aaa", 0), [true, true, false]);
  assert.deepEqual(all(limiter, "bcde", 0), [true, true, true, false]);
  assert.deepEqual(all(limiter, "a", 500), [true]);
  assert.deepEqual(all(limiter, "fff", 500), [true, true, false]);
});

test("who was turned away and comes again has a share of its own, which newcomers cannot take", () => {
  const limiter = new RateLimiter(rates, new SeededRandom(1));
  const newcomers = (from: number) => Array.from({ length: 200 }, (_, i) => `flood ${from + i}`);
  assert.equal(newcomers(0).filter((host) => limiter.allow(host, 0)).length, 5);
  assert.equal(limiter.allow("genuine", 0), false);
  assert.equal(newcomers(1_000).filter((host) => limiter.allow(host, 0)).length, 0);
  assert.equal(limiter.allow("genuine", 0), true);
});

test("the share of those who come again is as bounded as that of all", () => {
  const limiter = new RateLimiter(rates, new SeededRandom(1));
  const hosts = Array.from({ length: 100 }, (_, i) => `host ${i}`);
  const served = () => hosts.filter((host) => limiter.allow(host, 0)).length;
  assert.deepEqual([served(), served(), served()], [5, 5, 0]);
});

test("the rate limiter tells 1,024 sources apart; the one unused for longest is forgotten", () => {
  assert.equal(limits.sources, 1_024);
  const limiter = new RateLimiter({ ...rates, perSecond: 1e6, burst: 1e6 }, new SeededRandom(1));
  assert.deepEqual(all(limiter, "aa", 0), [true, true]);
  for (let i = 0; i < 1_023; i++) limiter.allow(`host ${i}`, 0);
  assert.equal(limiter.allow("a", 0), false, "still known");
  for (let i = 0; i < 1_024; i++) limiter.allow(`other ${i}`, 0);
  assert.equal(limiter.allow("a", 0), true, "forgotten");
});

test("who has asked is known for 2.5 s, and forgotten after 5 s", () => {
  assert.equal(limits.askedBeforeMillis, 2_500);
  for (const at of [0, 1_000, 2_499, 40_000]) {
    const asked = new AskedBefore(new SeededRandom(2));
    asked.note("b", 0);
    assert.equal(asked.has(`a ${at}`, at), false);
    asked.note(`a ${at}`, at);
    assert.equal(asked.has(`a ${at}`, at + 2_500), true, `noted at ${at}`);
    assert.equal(asked.has(`a ${at}`, at + 5_000), false, `noted at ${at}`);
  }
});

test("of 50,000 sources that never asked few are taken for known while as many have", () => {
  const asked = new AskedBefore(new SeededRandom(3));
  for (let i = 0; i < 100_000; i++) asked.note(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 0);
  let mistaken = 0;
  for (let i = 0; i < 50_000; i++) {
    if (asked.has(`11.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, 1)) mistaken += 1;
  }
  assert.ok(mistaken < 2_500, `${mistaken} of 50,000`);
});
