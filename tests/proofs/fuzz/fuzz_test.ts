import assert from "node:assert/strict";
import process from "node:process";
import { test } from "../../harness.ts";
import { Fault } from "../proof.ts";
import { costOf, faultOf, fuzzChunk, slowMillis } from "./fuzz.ts";
import { shrink } from "./shrink.ts";
import type { FuzzTarget } from "./target.ts";

const seeds = [Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)];
const chunk = { seed: 1, index: 0, count: 2_000 };

async function faultIn(target: FuzzTarget): Promise<Fault> {
  const fault = await fuzzChunk([target], chunk).then(() => undefined, (error: unknown) => error);
  assert.ok(fault instanceof Fault, String(fault));
  return fault;
}

test("a chunk runs as many inputs as it is told to, the same ones each time, after the seeds as they are", async () => {
  const runOnce = async () => {
    const seen: string[] = [];
    const run = (input: Uint8Array) => void seen.push([...input].join());
    await fuzzChunk([{ name: "t", seeds, run }], { ...chunk, count: 700 });
    return seen;
  };
  const [first, second] = [await runOnce(), await runOnce()];
  // An input may be run again when its batch was slow, so only which there are is compared.
  assert.deepEqual([...new Set(first)], [...new Set(second)]);
  assert.equal(first[0], "1,2,3,4,5,6,7,8");
  assert.ok(first.length >= 732);
});

test("targets take turns, chunk by chunk", async () => {
  const ran: string[] = [];
  const targets = ["a", "b"].map((name): FuzzTarget => ({ name, run: () => void ran.push(name) }));
  for (const index of [0, 1, 2]) await fuzzChunk(targets, { seed: 1, index, count: 1 });
  assert.deepEqual([...new Set(ran)], ["a", "b"]);
  assert.deepEqual([ran[0], ran.at(-1)], ["a", "a"]);
});

test("an error is a fault that names target, message and the shortest input found", async () => {
  const run = (input: Uint8Array) => {
    if (input.length > 8 && input[0] === 1) throw new TypeError("no such thing");
  };
  const fault = await faultIn({ name: "thrower", seeds, run });
  assert.equal(fault.target, "thrower");
  assert.match(fault.message, /thrower: TypeError: no such thing/);
  assert.throws(() => run(fault.input), TypeError);
  assert.deepEqual([fault.input.length, fault.input[0]], [9, 1]);
});

test("a promise that rejects is a fault too", async () => {
  const run = (input: Uint8Array) =>
    input.length === 0 ? Promise.reject(new Error("late")) : Promise.resolve(true);
  assert.equal((await faultIn({ name: "late", seeds, run })).input.length, 0);
});

test("a target that writes into its input is at fault", async () => {
  const run = (input: Uint8Array) => {
    if (input.length === 5) input[4] = input[4]! ^ 1;
  };
  const fault = await faultIn({ name: "writer", seeds, run });
  assert.match(fault.message, /changed its input/);
  assert.equal(fault.input.length, 5);
});

test("an input that is slow each time is a fault, one that was slow now and then is none", async () => {
  const always = await faultIn({
    name: "slow",
    seeds,
    run: (input) => input.length === 7 ? burn(30) : undefined,
  });
  assert.match(always.message, /took \d+\.\d ms and more each time, 10 are allowed/);
  assert.equal(always.input.length, 7);
  let times = 0;
  const once = (input: Uint8Array) => input.length === 7 && times++ < 2 ? burn(30) : undefined;
  await fuzzChunk([{ name: "once", seeds, run: once }], chunk);
});

test("an input that takes memory out of proportion is a fault", async () => {
  const kept: Uint8Array[] = [];
  const run = (input: Uint8Array) => {
    if (input.length === 9) kept[0] = new Uint8Array(6 * 1024 * 1024);
  };
  const fault = await faultIn({ name: "greedy", seeds, run });
  assert.match(fault.message, /bytes of memory for 9 bytes of input/);
});

test("what a target takes by itself may be allowed for", async () => {
  let kept: Uint8Array | undefined;
  const run = () => void (kept = new Uint8Array(3 * 1024 * 1024));
  const input = new Uint8Array(4);
  const greedy: FuzzTarget = { name: "greedy", run };
  const allowed: FuzzTarget = { ...greedy, garbageBytes: 8 * 1024 * 1024 };
  const cost = { millis: 0, bytes: 3 * 1024 * 1024 };
  assert.match(await faultOf(greedy, input, cost) ?? "", /memory/);
  assert.equal(await faultOf(allowed, input, cost), undefined);
  assert.equal(kept?.length, 3 * 1024 * 1024);
});

test("time is that of the processor: waiting costs none", async () => {
  const run = () => new Promise<void>((resolve) => setTimeout(resolve, 5 * slowMillis));
  const { millis } = await costOf({ name: "waits", run }, new Uint8Array());
  assert.ok(millis < 5 * slowMillis, `${millis} ms`);
});

test("valid inputs are counted", async () => {
  const run = (input: Uint8Array) => input.length > 0;
  const { sums } = await fuzzChunk([{ name: "t", seeds, run }], chunk);
  assert.ok(sums!["accepted"]! > 1_500 && sums!["accepted"]! <= 2_000);
});

test("a failing input shrinks to what matters", () => {
  const input = Uint8Array.from({ length: 250 }, (_, i) => i);
  const fails = (bytes: Uint8Array) => bytes.includes(7) && bytes.includes(200);
  assert.deepEqual(shrink(input, fails), Uint8Array.of(7, 200));
});

/** Keeps the processor busy for so long, however many others want it. */
function burn(millis: number): void {
  const before = process.cpuUsage();
  for (let spent = 0; spent < 1000 * millis;) {
    const { user, system } = process.cpuUsage(before);
    spent = user + system;
  }
}
