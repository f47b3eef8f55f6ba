/** Several workers see one session when its peer changes its address, or when somebody replays datagrams from another. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { holderOf, ReplayWindows, replayWindowsMemory } from "../../core/datapath/replay_windows.ts";
import { test } from "../harness.ts";
import type { HammerOrder } from "./window_hammer.ts";

const blocks = 6_000;
const blockLength = 64;
/** Of leaps: words of the window to clear, from none to more than it has. */
const reaches = [0, 0, 0, 40, 3_000, 20_000] as const;

/**
 * Blocks that are shuffled within and may be far apart: whichever thread shows a counter first, nothing of a later block
 * was shown before, so it is inside of the window and has to be accepted.
 */
function shuffledCounters(seed: number): Uint32Array {
  let x = seed;
  const random = (below: number) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) % below;
  };
  const counters = new Uint32Array(new SharedArrayBuffer(4 * blocks * blockLength));
  let base = 0;
  for (let block = 0; block < blocks; block++) {
    const own = counters.subarray(block * blockLength, (block + 1) * blockLength);
    for (let i = 0; i < blockLength; i++) own[i] = base + i;
    for (let i = blockLength - 1; i > 0; i--) {
      const other = random(i + 1);
      [own[i], own[other]] = [own[other]!, own[i]!];
    }
    base += blockLength + random(1 + reaches[random(reaches.length)]!);
  }
  return counters;
}

function int32(length: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4 * length));
}

test("of the same counters in three threads each is accepted exactly once", async () => {
  const [slot, threads] = [1, 3];
  const windows = replayWindowsMemory(3);
  const counters = shuffledCounters(6479);
  const [accepted, gate] = [int32(counters.length), int32(1)];
  gate[0] = threads;
  const workers = Array.from({ length: threads }, (_, number) => {
    const order: HammerOrder = { windows, holder: holderOf(number), slot, counters, accepted, gate };
    return new Worker(new URL("./window_hammer.ts", import.meta.url), { workerData: order });
  });
  await Promise.all(workers.map((worker) => once(worker, "message")));
  await Promise.all(workers.map((worker) => worker.terminate()));
  const wrong = [...accepted.entries()].filter(([, times]) => times !== 1);
  assert.deepEqual(wrong.slice(0, 5).map(([at, times]) => ({ counter: counters[at], times })), []);
  const after = new ReplayWindows(windows);
  assert.equal(after.newest(slot), counters.reduce((most, counter) => Math.max(most, counter)));
  assert.deepEqual([after.newest(0), after.newest(2)], [-1, -1]);
});
