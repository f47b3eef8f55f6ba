import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { RetrySchedule } from "./retry_schedule.ts";
import { areFirstAttempts, SeededRandom } from "./testing_rig.ts";

const still = { fill: <T extends Uint8Array>(bytes: T): T => bytes };

test("retries wait as stated, for several places once each, and start anew on demand", () => {
  const waits = (perWait: number, count: number) => {
    const retry = new RetrySchedule(still, 0, perWait);
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

test("who begins together does not come again together: 100 second and third attempts, hardly two at one moment", () => {
  const all = Array.from({ length: 100 }, (_, seed) => {
    const retry = new RetrySchedule(new SeededRandom(seed), 0);
    return Array.from({ length: 6 }, () => {
      const { at } = retry;
      retry.attempted(at);
      return at;
    });
  });
  assert.ok(all.every(areFirstAttempts));
  const most = (attempt: number) => {
    const counts = new Map<number, number>();
    for (const times of all) counts.set(times[attempt]!, (counts.get(times[attempt]!) ?? 0) + 1);
    return Math.max(...counts.values());
  };
  assert.deepEqual([most(0), most(1) <= 8, most(2) <= 6], [100, true, true]);
});
