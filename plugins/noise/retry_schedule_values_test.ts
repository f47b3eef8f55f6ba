/** When each attempt is due, to the millisecond. */
import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { RetrySchedule } from "./retry_schedule.ts";

/** Fills with the two bytes of `value`. */
function always(value: number) {
  return {
    fill<T extends Uint8Array>(bytes: T): T {
      assert.equal(bytes.length, 2);
      bytes.set([value >> 8, value & 255]);
      return bytes;
    },
  };
}

function waits(retry: RetrySchedule, count: number): readonly number[] {
  return Array.from({ length: count }, () => {
    const { at } = retry;
    retry.attempted(at);
    return retry.at - at;
  });
}

test("after the first round every wait is 5 s and the jitter, for ever", () => {
  const first = [250, 500, 1_000, 2_000, 5_000];
  assert.deepEqual(waits(new RetrySchedule(always(0), 0), 7), [...first, 5_000, 5_000]);
  const shorter = first.map((wait) => wait - 7);
  assert.deepEqual(waits(new RetrySchedule(always(7), 0), 9), [...shorter, 5_007, 5_007, 5_007, 5_007]);
});

test("a wait of the first round is up to a quarter shorter, and no more", () => {
  const shortest = [62, 125, 250, 500, 1_250].map((most) => waits(new RetrySchedule(always(most), 0), 5));
  assert.deepEqual(shortest.map((each, i) => each[i]), [188, 375, 750, 1_500, 3_750]);
  const none = [63, 126, 251, 501, 1_251].map((over) => waits(new RetrySchedule(always(over), 0), 5));
  assert.deepEqual(none.map((each, i) => each[i]), [250, 500, 1_000, 2_000, 5_000]);
});

test("the jitter is a random number from 0 to 334", () => {
  for (
    const [random, wait] of [[0, 5_000], [1, 5_001], [334, 5_334], [335, 5_000], [65_535, 5_210]] as const
  ) {
    assert.equal(waits(new RetrySchedule(always(random), 0), 6).at(-1), wait);
  }
});

test("several places share a wait, and the jitter begins when each has had all of them", () => {
  const retry = new RetrySchedule(always(3), 0, 2);
  assert.deepEqual(waits(retry, 12).slice(8), [4_997, 4_997, 5_003, 5_003]);
});

test("the first attempt is due at the start, a later one from when the last was made", () => {
  const retry = new RetrySchedule(always(0), 40);
  assert.deepEqual([retry.at, retry.attempts, retry.rounds, retry.endsRound], [40, 0, 0, false]);
  retry.attempted(1_040);
  assert.deepEqual([retry.at, retry.attempts], [1_290, 1]);
});

test("a round is five attempts: it ends with the fifth, and the next begins with the sixth", () => {
  const retry = new RetrySchedule(always(0), 0);
  const seen = Array.from({ length: 11 }, () => {
    retry.attempted(retry.at);
    return [retry.attempts, retry.rounds, retry.endsRound];
  });
  const before = [1, 2, 3, 4].map((attempts) => [attempts, 0, false]);
  const between = [6, 7, 8, 9].map((attempts) => [attempts, 1, false]);
  assert.deepEqual(seen, [...before, [5, 1, true], ...between, [10, 2, true], [11, 2, false]]);
});

test("a restart forgets the attempts: the shortest wait comes first again", () => {
  const retry = new RetrySchedule(always(0), 0);
  waits(retry, 7);
  retry.restart(77_000);
  assert.deepEqual([retry.at, retry.attempts, retry.rounds, retry.endsRound], [77_000, 0, 0, false]);
  assert.deepEqual(waits(retry, 2), [250, 500]);
});
