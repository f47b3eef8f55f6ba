import assert from "node:assert/strict";
import fc from "fast-check";
import type { Timer } from "../../core/contracts/host.ts";
import { test } from "../harness.ts";
import { SimClock } from "./clock.ts";

test("timers run in order of time, and of their making where times are equal", async () => {
  const times = fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(times, async (ats) => {
      const clock = new SimClock();
      const ran: [number, number][] = [];
      ats.forEach((at, i) => clock.timer(at, () => ran.push([at, i])));
      await clock.advance(20);
      const expected = ats.map((at, i) => [at, i] as [number, number]).sort(([a, i], [b, j]) =>
        a - b || i - j
      );
      assert.deepEqual(ran, expected);
      assert.equal(clock.pending, 0);
    }),
    { seed: 1, numRuns: 50 },
  );
});

test("cancelled timers stay silent, however many, and are not pending", async () => {
  const clock = new SimClock();
  const ran: number[] = [];
  const timers = Array.from({ length: 1_000 }, (_, i) => clock.timer(i, () => ran.push(i)));
  timers.filter((_, i) => i % 10 !== 0).forEach((timer) => {
    timer.cancel();
    timer.cancel();
  });
  assert.equal(clock.pending, 100);
  await clock.advance(1_000);
  assert.deepEqual(ran, Array.from({ length: 100 }, (_, i) => i * 10));
  timers.forEach((timer) => timer.cancel());
  assert.equal(clock.pending, 0);
});

test("time stands at the event while it runs, and at the end of the advance afterwards", async () => {
  const clock = new SimClock(5_000);
  const seen: number[] = [];
  clock.timer(30, () => seen.push(clock.now(), clock.wall()));
  await clock.advance(100);
  assert.deepEqual([...seen, clock.now(), clock.wall()], [30, 5_030, 100, 5_100]);
});

test("a chain of promises is finished before time goes on", async () => {
  const clock = new SimClock();
  const trace: string[] = [];
  const sleep = (duration: number) =>
    new Promise<void>((resolve) => clock.timer(clock.now() + duration, () => resolve()));
  const walk = async () => {
    for (let step = 0; step < 3; step++) {
      await sleep(10);
      for (let i = 0; i < 50; i++) await Promise.resolve();
      trace.push(`${step}@${clock.now()}`);
    }
  };
  const walking = walk();
  await clock.advance(30);
  await walking;
  assert.deepEqual(trace, ["0@10", "1@20", "2@30"]);
});

test("a timer in the past runs next, not inside the call", async () => {
  const clock = new SimClock();
  await clock.advance(50);
  const order: string[] = [];
  clock.timer(10, () => order.push("late"));
  order.push("after the call");
  await clock.advance(0);
  assert.deepEqual([order, clock.now()], [["after the call", "late"], 50]);
});

test("runUntil stops at the event that made it true, and rejects after its limit", async () => {
  const clock = new SimClock();
  let count = 0;
  const tick = (): Timer => clock.timer(clock.now() + 7, () => (count++, tick()));
  tick();
  assert.equal(await clock.runUntil(() => count === 3), 21);
  await assert.rejects(clock.runUntil(() => count === 1_000, 100), /100 simulated milliseconds/);
  assert.equal(clock.now(), 121);
});

test("complete gives the value or the rejection of a promise that needs time", async () => {
  const clock = new SimClock();
  const value = new Promise<string>((resolve) => clock.timer(500, () => resolve("done")));
  assert.equal(await clock.complete(value), "done");
  const failure = new Promise<string>((_, reject) => clock.timer(600, () => reject(new Error("broken"))));
  await assert.rejects(clock.complete(failure), /broken/);
  await assert.rejects(clock.complete(new Promise(() => {}), 10), /10 simulated milliseconds/);
});

test("what a timer throws is the advance's, and the clock still works", async () => {
  const clock = new SimClock();
  clock.timer(1, () => {
    throw new Error("timer is broken");
  });
  await assert.rejects(clock.advance(10), /timer is broken/);
  await clock.advance(9);
  assert.equal(clock.now(), 10);
});

test("mistakes are told: advancing inside an advance, and a timer at NaN", async () => {
  const clock = new SimClock();
  let inner: Promise<void> | undefined;
  clock.timer(1, () => inner = assert.rejects(clock.advance(1), /inside of an advance/));
  await clock.advance(2);
  await inner!;
  assert.throws(() => clock.timer(NaN, () => {}), RangeError);
});

test("a program for which time stands still is told so instead of running for ever", async () => {
  const clock = new SimClock();
  const again = (): Timer => clock.timer(0, again);
  again();
  await assert.rejects(clock.advance(1), /time stands still at 0 ms/);
});

test("the wall clock jumps without moving timers", async () => {
  const clock = new SimClock(1_000_000);
  let ran = false;
  clock.timer(10, () => ran = true);
  clock.jumpWall(-3_600_000);
  assert.equal(clock.wall(), -2_600_000);
  await clock.advance(9);
  assert.equal(ran, false);
  await clock.advance(1);
  assert.equal(ran, true);
});
