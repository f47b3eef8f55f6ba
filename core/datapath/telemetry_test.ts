import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { Drop, dropNames } from "../contracts/drop.ts";
import { Tally, Telemetry, telemetryMemory } from "./telemetry.ts";

test("what one thread counts the other reads, each counter in a place of its own", () => {
  const memory = telemetryMemory();
  const [worker, main] = [new Telemetry(memory), new Telemetry(memory)];
  const tallies = Object.values(Tally);
  for (const [index, tally] of tallies.entries()) worker.add(tally, 1000 + index);
  for (const [index, name] of dropNames.entries()) worker.count(Drop[name], 1 + index);
  worker.add(Tally.framesIn, 2 ** 40);
  const { tallies: read, drops } = main.snapshot();
  assert.deepEqual(new Set(tallies).size, tallies.length);
  assert.equal(read.framesIn, 2 ** 40 + 1000 + Tally.framesIn);
  assert.equal(read.commandsRefused, 1000 + Tally.commandsRefused);
  assert.equal(drops.none, 0);
  assert.equal(drops.replayed, 1 + Drop.replayed);
  assert.equal(drops.incomplete, 1 + Drop.incomplete);
});

test("each worker counts for itself, and whoever reads gets the sum", () => {
  const memory = telemetryMemory(3);
  const workers = [0, 1, 2].map((worker) => new Telemetry(memory, worker));
  for (const [worker, telemetry] of workers.entries()) {
    telemetry.add(Tally.framesIn, 10 ** worker);
    telemetry.count(Drop.replayed, 2 * 10 ** worker);
  }
  const { tallies, drops } = new Telemetry(memory).snapshot();
  assert.deepEqual([tallies.framesIn, drops.replayed], [111, 222]);
  const others = [...Object.values(tallies), ...Object.values(drops)].filter((count) => count !== 0);
  assert.equal(others.length, 2);
});

test("a worker that starts anew goes on counting where the last one ended", () => {
  const memory = telemetryMemory();
  new Telemetry(memory).add(Tally.punted, 3);
  new Telemetry(memory).add(Tally.punted, 4);
  assert.equal(new Telemetry(memory).snapshot().tallies.punted, 7);
});
