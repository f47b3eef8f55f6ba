import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { systemClock } from "./clock.ts";

const clock = systemClock();

function fires(at: number): Promise<number> {
  return new Promise((resolve) => clock.timer(at, () => resolve(clock.now())));
}

test("a timer fires at its time or after, never before", async () => {
  for (const delay of [0.2, 1, 3.7, 12]) {
    const at = clock.now() + delay;
    assert.ok(await fires(at) >= at);
  }
});

test("a timer in the past fires on a later turn, not inside the call", async () => {
  let returned = false;
  const fired = new Promise<boolean>((resolve) => clock.timer(clock.now() - 5_000, () => resolve(returned)));
  returned = true;
  assert.equal(await fired, true);
});

test("timers fire in order of their times", async () => {
  const start = clock.now();
  const order: string[] = [];
  const late = new Promise<void>((resolve) =>
    clock.timer(start + 30, () => {
      order.push("late");
      resolve();
    })
  );
  clock.timer(start + 2, () => order.push("early"));
  await late;
  assert.deepEqual(order, ["early", "late"]);
});

test("a timer beyond 2^31 milliseconds does not fire at once", async () => {
  let fired = false;
  const timer = clock.timer(clock.now() + 2 ** 40, () => fired = true);
  await fires(clock.now() + 5);
  assert.equal(fired, false);
  timer.cancel();
});

test("a cancelled timer stays silent, and cancelling twice is harmless", async () => {
  let fired = false;
  const timer = clock.timer(clock.now() + 1, () => fired = true);
  timer.cancel();
  timer.cancel();
  await fires(clock.now() + 5);
  assert.equal(fired, false);
});

test("monotonic time grows and wall time is the time of day", () => {
  const before = clock.now();
  assert.ok(clock.now() >= before);
  assert.ok(Math.abs(clock.wall() - Date.now()) < 1_000);
});
