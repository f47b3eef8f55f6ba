import assert from "node:assert/strict";
import { Drop } from "../../core/contracts/drop.ts";
import type { Endpoint } from "../../core/contracts/values.ts";
import { test } from "../harness.ts";
import { SimClock } from "./clock.ts";
import { SimNetwork } from "./network.ts";
import { SimProcess } from "./process.ts";
import { ProcessClock } from "./process_clock.ts";
import { SimRandom } from "./random.ts";

const here: Endpoint = { host: "192.0.2.1", port: 1 };
const there: Endpoint = { host: "192.0.2.2", port: 1 };

function bed() {
  const clock = new SimClock(1_000_000);
  const network = new SimNetwork({ clock, random: new SimRandom(1) });
  const process = new SimProcess(network, clock);
  const events: string[] = [];
  const binding = process.bind(here, ([first]) => void events.push(`heard ${first} at ${clock.now()}`));
  const remote = network.bind(there, () => void events.push("answered"));
  const timer = (at: number) =>
    process.clock.timer(at, () => void events.push(`timer ${at} at ${clock.now()}`));
  return { clock, network, process, events, binding, remote, timer };
}

test("a process that stands still runs no timer and hears nothing; then all of it comes at once, timers first", async () => {
  const { clock, process, events, remote, timer } = bed();
  timer(30);
  timer(20);
  timer(90);
  process.stop();
  remote.send(Uint8Array.of(7), here);
  remote.send(Uint8Array.of(8), here);
  await clock.advance(50);
  assert.deepEqual(events, []);
  process.resume();
  await clock.advance(100);
  assert.deepEqual(events, [
    "timer 20 at 50",
    "timer 30 at 50",
    "heard 7 at 50",
    "heard 8 at 50",
    "timer 90 at 90",
  ]);
});

test("what a stopped process does not read is bounded as a socket's buffer is, and counted beyond", async () => {
  const { clock, process, events, remote } = bed();
  process.stop();
  for (let i = 0; i < 500; i++) remote.send(new Uint8Array(1_232), here);
  await clock.advance(10);
  process.resume();
  await clock.advance(10);
  assert.deepEqual([events.length, process.overflows], [106, 394], "106 × (1,232 + 768) bytes");
});

test("a killed process sends, hears and times nothing any more, and its endpoint is free", async () => {
  const { clock, network, process, events, binding, remote, timer } = bed();
  timer(10);
  process.stop();
  remote.send(Uint8Array.of(1), here);
  await clock.advance(5);
  process.kill();
  process.resume();
  timer(20);
  assert.equal(binding.send(Uint8Array.of(1), there), Drop.noRoute);
  remote.send(Uint8Array.of(2), here);
  await clock.advance(100);
  assert.deepEqual([events, clock.pending, process.clock.pending], [[], 0, 0]);
  network.bind(here, () => {}).close();
});

test("a clock of another rate runs its own timers on its own time, never early, and its wall clock drifts", async () => {
  const world = new SimClock(1_000_000);
  for (const [rate, expected] of [[1.1, 909.0909], [0.9, 1111.1111], [1, 1000]] as const) {
    const began = world.now();
    const clock = new ProcessClock(world, rate);
    const due = clock.now() + 1000;
    let told = Number.NaN;
    clock.timer(due, () => told = clock.now());
    const passed = await world.runUntil(() => !Number.isNaN(told));
    assert.ok(told >= due, `told ${told} for ${due}`);
    assert.ok(Math.abs(passed - expected) < 0.001, `${passed} at rate ${rate}`);
    await world.advance(10_000 - passed);
    const drift = clock.wall() - world.wall();
    assert.ok(Math.abs(drift - 10_000 * (rate - 1)) <= 1, `drift ${drift} at ${rate}, since ${began}`);
  }
});

test("a rate that changes moves the timers that wait, and time goes on from where it was", async () => {
  const world = new SimClock();
  const clock = new ProcessClock(world);
  let ran = Number.NaN;
  clock.timer(1_000, () => ran = world.now());
  await world.advance(500);
  clock.setRate(2);
  assert.equal(clock.now(), 500);
  await world.advance(250);
  assert.deepEqual([ran, clock.now()], [750, 1_000]);
  clock.setRate(1);
  await world.advance(10);
  assert.equal(clock.now(), 1_010);
});

test("a wall clock that jumps moves no timer and no monotonic time", async () => {
  const world = new SimClock(10_000_000);
  const [clock, other] = [new ProcessClock(world), new ProcessClock(world)];
  let ran = false;
  clock.timer(100, () => ran = true);
  clock.jumpWall(-3_600_000);
  assert.deepEqual([clock.wall(), other.wall(), clock.now()], [6_400_000, 10_000_000, 0]);
  await world.advance(99);
  assert.equal(ran, false);
  await world.advance(1);
  assert.equal(ran, true);
});

test("timers of a process are cancelled as any, also while it stands still", async () => {
  const { clock, process, events, timer } = bed();
  const [first, second] = [timer(10), timer(20)];
  process.stop();
  first.cancel();
  process.resume();
  second.cancel();
  second.cancel();
  await clock.advance(50);
  assert.deepEqual([events, clock.pending], [[], 0]);
  assert.throws(() => timer(Number.NaN), RangeError);
});
