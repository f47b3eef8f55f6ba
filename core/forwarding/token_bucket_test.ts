import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import type { Millis } from "../contracts/values.ts";
import { TokenBucket } from "./token_bucket.ts";

const taken = (bucket: TokenBucket, now: Millis, times: number) =>
  Array.from({ length: times }, () => bucket.take(now)).filter(Boolean).length;

test("the burst is there at once, whenever the first use is, and then no more", () => {
  for (const now of [0, 5, 1e9]) {
    const bucket = new TokenBucket({ perSecond: 10, burst: 5 });
    assert.equal(taken(bucket, now, 20), 5);
    assert.equal(taken(bucket, now, 20), 0);
  }
});

test("tokens come back at the rate, fractions included, and never more than the burst", () => {
  const bucket = new TokenBucket({ perSecond: 10, burst: 5 });
  taken(bucket, 1_000, 5);
  assert.equal(taken(bucket, 1_099, 1), 0, "a whole token takes 100 ms");
  assert.equal(taken(bucket, 1_100, 2), 1, "what was refused cost nothing");
  assert.equal(taken(bucket, 1_350, 9), 2);
  assert.equal(taken(bucket, 1_400, 9), 1, "the half one was kept");
  assert.equal(taken(bucket, 3_600_000, 9), 5);
});
