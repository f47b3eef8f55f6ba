import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../harness.ts";
import { SimRandom } from "./random.ts";

const mask = 0xffff_ffffn;

/** The published algorithms word for word, on BigInt. */
function* slowTwin(seed: number): Generator<number> {
  let mixer = BigInt(seed);
  const mix = () => {
    mixer = (mixer + 0x9e3779b9n) & mask;
    let z = mixer;
    z = ((z ^ (z >> 16n)) * 0x21f0aaadn) & mask;
    z = ((z ^ (z >> 15n)) * 0x735a2d97n) & mask;
    return z ^ (z >> 15n);
  };
  const rotl = (x: bigint, k: bigint) => ((x << k) | (x >> (32n - k))) & mask;
  const s = [mix(), mix(), mix(), mix()] as [bigint, bigint, bigint, bigint];
  for (;;) {
    yield Number((rotl((s[1] * 5n) & mask, 7n) * 9n) & mask);
    const t = (s[1] << 9n) & mask;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 11n);
  }
}

test("the sequence is that of xoshiro128** seeded by splitmix32", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (seed) => {
      const random = new SimRandom(seed);
      const twin = slowTwin(seed);
      for (let i = 0; i < 20; i++) assert.equal(random.next(), twin.next().value);
    }),
    { seed: 1, numRuns: 200 },
  );
});

test("recorded seeds stay valid: the first words of seed 1 never change", () => {
  const random = new SimRandom(1);
  assert.deepEqual(Array.from({ length: 4 }, () => random.next()), [
    393288148,
    2174103013,
    3814759091,
    2092745082,
  ]);
});

test("numbers lie in their ranges and spread over them", () => {
  const random = new SimRandom(7);
  const hits = new Array<number>(10).fill(0);
  for (let i = 0; i < 10_000; i++) {
    const float = random.float();
    assert.ok(float >= 0 && float < 1);
    hits[random.below(10)]!++;
  }
  assert.ok(hits.every((count) => count > 850 && count < 1_150), hits.join(" "));
  assert.equal(random.below(1), 0);
});

test("a probability of 0 never happens, 1 always, and a half about half of the time", () => {
  const random = new SimRandom(9);
  const count = (probability: number) =>
    Array.from({ length: 2_000 }, () => random.chance(probability)).filter(Boolean).length;
  assert.deepEqual([count(0), count(1)], [0, 2_000]);
  const half = count(0.5);
  assert.ok(half > 900 && half < 1_100, String(half));
});

test("fill writes every byte and returns its argument", () => {
  const random = new SimRandom(3);
  const bytes = new Uint8Array(4_096);
  assert.equal(random.fill(bytes), bytes);
  assert.ok(new Set(bytes).size > 200);
});

test("a fork is not shifted by what its origin draws, and pick needs a choice", () => {
  const draw = (between: number) => {
    const origin = new SimRandom(5);
    const fork = origin.fork();
    for (let i = 0; i < between; i++) origin.next();
    return fork.next();
  };
  assert.equal(draw(0), draw(1_000));
  assert.ok(["a", "b"].includes(new SimRandom(1).pick(["a", "b"])));
  assert.throws(() => new SimRandom(1).pick([]), RangeError);
});
