import assert from "node:assert/strict";
import fc from "fast-check";
import { formatPrefix, parsePrefix } from "../../core/wire/prefix.ts";
import { test } from "../../tests/harness.ts";
import { intersect, largestBlock, type Span, spanOf, subtract, totalSize } from "./span.ts";

const limit = 64;

/** Disjoint, ascending spans over 0 to 63, from a set of numbers. */
function spansOf(members: ReadonlySet<number>): Span[] {
  const spans: { start: bigint; end: bigint }[] = [];
  for (let value = 0; value < limit; value++) {
    if (!members.has(value)) continue;
    if (spans.at(-1)?.end === BigInt(value)) spans.at(-1)!.end++;
    else spans.push({ start: BigInt(value), end: BigInt(value + 1) });
  }
  return spans;
}

function membersOf(spans: readonly Span[]): Set<number> {
  const members = new Set<number>();
  for (const { start, end } of spans) {
    for (let value = Number(start); value < Number(end); value++) members.add(value);
  }
  return members;
}

const sets = fc.array(fc.nat(limit - 1), { maxLength: limit }).map((values) => new Set(values));

test("spans subtract and intersect as the sets that they stand for", () => {
  const holds = (left: Set<number>, right: Set<number>, from: number, size: number) => {
    const window = { start: BigInt(from), end: BigInt(from + size) };
    assert.deepEqual(membersOf(subtract(spansOf(left), spansOf(right))), left.difference(right));
    const inside = new Set([...left].filter((value) => value >= from && value < from + size));
    assert.deepEqual(membersOf(intersect(spansOf(left), window)), new Set([...inside].sort((a, b) => a - b)));
    assert.equal(totalSize(spansOf(left)), BigInt(left.size));
  };
  fc.assert(fc.property(sets, sets, fc.nat(limit), fc.nat(limit), holds), { seed: 1, numRuns: 1000 });
});

test("holes may be single addresses, as leases are", () => {
  const holes = [3n, 4n, 9n].map((start) => ({ start, end: start + 1n }));
  assert.deepEqual(subtract([{ start: 0n, end: 10n }], holes), [
    { start: 0n, end: 3n },
    { start: 5n, end: 9n },
  ]);
});

test("the largest block is aligned, inside, within the limit, and nothing larger or higher would fit", () => {
  const holds = (members: Set<number>, maxSize: number) => {
    const found = largestBlock(spansOf(members), 4, BigInt(maxSize));
    const expected = slowLargestBlock(members, maxSize);
    assert.equal(found === undefined ? undefined : formatPrefix(found), expected);
  };
  fc.assert(fc.property(sets, fc.nat(limit), holds), { seed: 2, numRuns: 1000 });
});

function slowLargestBlock(members: Set<number>, maxSize: number): string | undefined {
  for (let bits = 26; bits <= 32; bits++) {
    const size = 2 ** (32 - bits);
    if (size > maxSize) continue;
    for (let start = limit - size; start >= 0; start -= size) {
      const block = Array.from({ length: size }, (_, i) => start + i);
      if (block.every((value) => members.has(value))) return `0.0.0.${start}/${bits}`;
    }
  }
  return undefined;
}

test("a /48 has room for blocks of a /64", () => {
  const range = parsePrefix("fd00::/48")!;
  assert.equal(formatPrefix(largestBlock([spanOf(range)], 6, 1n << 64n)!), "fd00:0:0:ffff::/64");
});
