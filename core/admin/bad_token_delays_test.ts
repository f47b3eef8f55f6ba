import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { BadTokenDelays, freeRefusals, longestDelayMillis } from "./bad_token_delays.ts";
import { FixtureClock } from "./mesh_node_fixture.ts";

const { signal } = new AbortController();

test("however many sources there are, few are remembered", async () => {
  const clock = new FixtureClock();
  const delays = new BadTokenDelays(clock);
  for (let i = 0; i < 10_000; i++) await delays.wait(`127.0.${i >> 8}.${i & 255}`, signal);
  assert.equal(delays.size, 256);
});

test("a source that goes on for ever waits no longer than the longest delay, and is forgiven within minutes", async () => {
  const clock = new FixtureClock();
  const delays = new BadTokenDelays(clock);
  for (let i = 0; i < 1_000; i++) {
    const answered = delays.wait("a", signal);
    clock.advance(longestDelayMillis);
    assert.equal(await answered, true);
  }
  clock.advance(10 * 60_000);
  for (let i = 0; i < freeRefusals; i++) assert.equal(await delays.wait("a", signal), true);
  assert.equal(clock.pending, 0);
});

test("one refusal in twelve seconds is never delayed", async () => {
  const clock = new FixtureClock();
  const delays = new BadTokenDelays(clock);
  for (let i = 0; i < 100; i++) {
    assert.equal(await delays.wait("a", signal), true);
    clock.advance(12_000);
  }
});
