import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { decodeMissing, encodeMissing, PartCollector, splitAnswer } from "./join_parts.ts";

test("an answer comes together from its parts in any order, with copies", () => {
  const answers = fc.uint8Array({ maxLength: 9_000 });
  fc.assert(
    fc.property(answers, fc.infiniteStream(fc.nat()), (answer, picks) => {
      const parts = splitAnswer(answer)!;
      const collector = new PartCollector();
      for (const part of parts) assert.ok(part.length <= 1_104);
      for (const pick of picks) {
        const missing = collector.missing();
        if (collector.hasBegun && missing.length === 0) break;
        const number = collector.hasBegun ? missing[pick % missing.length]! : pick % parts.length;
        for (const part of [parts[number]!, parts[0]!]) assert.ok(collector.add(part));
      }
      assert.deepEqual(collector.complete(), Uint8Array.from(answer));
    }),
    { seed: 3, numRuns: 100 },
  );
});

test("parts that contradict the first one, or are none, are refused", () => {
  const collector = new PartCollector();
  assert.equal(collector.complete(), undefined);
  assert.equal(collector.add(Uint8Array.of(0, 0, 0, 2, 9)), true);
  for (
    const part of [
      Uint8Array.of(0, 1, 0),
      Uint8Array.of(0, 1, 0, 3, 9),
      Uint8Array.of(0, 2, 0, 2, 9),
      Uint8Array.of(0, 1, 0, 65, 9),
      new Uint8Array(1_200),
    ]
  ) assert.equal(collector.add(part), false, `${part.subarray(0, 8)}`);
  assert.equal(splitAnswer(new Uint8Array(64 * 1_100 + 1)), undefined);
  assert.equal(splitAnswer(new Uint8Array(64 * 1_100))?.length, 64);
});

test("lists of missing parts pass as they are; others are refused", () => {
  for (const numbers of [[], [0], [63, 1, 2, 3, 4, 5, 6, 7]]) {
    assert.deepEqual(decodeMissing(encodeMissing(numbers)), numbers);
  }
  assert.equal(decodeMissing(new Uint8Array(3)), undefined);
  assert.equal(decodeMissing(new Uint8Array(18)), undefined);
});
