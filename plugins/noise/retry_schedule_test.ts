import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { RetrySchedule } from "./retry_schedule.ts";
import { SeededRandom } from "./testing_rig.ts";

test("retries wait as stated, for several places once each, and start anew on demand", () => {
  const waits = (perWait: number, count: number) => {
    const retry = new RetrySchedule(new SeededRandom(1), 0, perWait);
    return Array.from({ length: count }, () => {
      const { at } = retry;
      retry.attempted(at);
      return retry.at - at;
    });
  };
  assert.deepEqual(waits(1, 5), [250, 500, 1_000, 2_000, 5_000]);
  assert.deepEqual(waits(2, 6), [250, 250, 500, 500, 1_000, 1_000]);
  const retry = new RetrySchedule(new SeededRandom(1), 0);
  for (let i = 0; i < 5; i++) retry.attempted(retry.at);
  assert.deepEqual([retry.endsRound, retry.rounds, retry.attempts], [true, 1, 5]);
  retry.restart(77);
  assert.deepEqual([retry.endsRound, retry.rounds, retry.at], [false, 0, 77]);
});
