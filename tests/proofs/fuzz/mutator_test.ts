import assert from "node:assert/strict";
import { test } from "../../harness.ts";
import { SimRandom } from "../../sim/random.ts";
import { Mutator } from "./mutator.ts";

const seeds = [Uint8Array.from({ length: 40 }, (_, i) => i), new Uint8Array(3).fill(0x55)];
const words = [Uint8Array.of(0xde, 0xad, 0xbe, 0xef)];

function make(seed: number, count: number, room = 64): readonly Uint8Array[] {
  const mutator = new Mutator(new SimRandom(seed), seeds, words);
  return Array.from({ length: count }, () => {
    const into = new Uint8Array(room);
    return into.slice(0, mutator.make(into));
  });
}

test("the same seed makes the same inputs and another seed others", () => {
  assert.deepEqual(make(1, 500), make(1, 500));
  assert.notDeepEqual(make(1, 500), make(2, 500));
});

test("inputs of every length are made, none longer than its room", () => {
  const lengths = new Set(make(3, 20_000, 48).map((input) => input.length));
  assert.equal(lengths.size, 49);
  assert.equal(Math.max(...lengths), 48);
});

test("most inputs keep a part of a seed, and words are put in", () => {
  const inputs = make(4, 5_000);
  const holds = (input: Uint8Array, part: readonly number[]) =>
    input.some((_, at) => part.every((byte, i) => input[at + i] === byte));
  assert.ok(
    inputs.filter((input) => holds(input, [20, 21, 22]) || holds(input, [0x55, 0x55])).length > 2_000,
  );
  assert.ok(inputs.filter((input) => holds(input, [0xde, 0xad, 0xbe, 0xef])).length > 300);
});

test("an input that was kept is mutated further", () => {
  const mutator = new Mutator(new SimRandom(5), seeds, []);
  const kept = new Uint8Array(30).fill(0xc7);
  mutator.keep(kept);
  kept.fill(0);
  const into = new Uint8Array(64);
  let hits = 0;
  for (let i = 0; i < 1_000; i++) {
    const length = mutator.make(into);
    if (into.subarray(0, length).filter((byte) => byte === 0xc7).length > 10) hits++;
  }
  assert.ok(hits > 50, `${hits} of 1,000`);
});

test("without seeds inputs are random", () => {
  const mutator = new Mutator(new SimRandom(6), [], []);
  const into = new Uint8Array(64);
  const lengths = new Set(Array.from({ length: 500 }, () => mutator.make(into)));
  assert.ok(lengths.size > 30);
});
