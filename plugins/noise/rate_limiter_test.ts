import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { RateLimiter } from "./rate_limiter.ts";

test("the rate limiter counts per host and overall, and its memory is bounded", () => {
  const rates = { perSecond: 10, burst: 5, perSourcePerSecond: 2, sourceBurst: 2, sources: 3 };
  const limiter = new RateLimiter(rates);
  assert.deepEqual([1, 2, 3].map(() => limiter.allow("a", 0)), [true, true, false]);
  assert.deepEqual(["b", "c", "d", "e"].map((host) => limiter.allow(host, 0)), [true, true, true, false]);
  assert.equal(limiter.allow("a", 500), true);
  assert.deepEqual([limiter.allow("f", 500), limiter.allow("f", 500), limiter.allow("f", 500)], [
    true,
    true,
    false,
  ]);
});
