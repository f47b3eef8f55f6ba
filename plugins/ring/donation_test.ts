import assert from "node:assert/strict";
import { formatPrefix, parsePrefix } from "../../core/wire/prefix.ts";
import { test } from "../../tests/harness.ts";
import { chooseBlock } from "./donation.ts";
import { type Span, spanOf } from "./span.ts";

const limits = { block: { 4: 20, 6: 64 } } as const;

function choose(free: readonly Span[], within: string): string | undefined {
  const block = chooseBlock(free, parsePrefix(within)!, limits);
  return block === undefined ? undefined : formatPrefix(block);
}

const spans = (...texts: string[]) => texts.map((text) => spanOf(parsePrefix(text)!));

test("a donor with plenty gives the largest block that it may, from the top", () => {
  assert.equal(choose(spans("10.32.0.0/12"), "10.32.0.0/12"), "10.47.240.0/20");
  assert.equal(choose(spans("fd00::/48"), "fd00::/48"), "fd00:0:0:ffff::/64");
});

test("a donor never gives more than half of what it has", () => {
  assert.equal(choose(spans("10.32.0.0/24"), "10.32.0.0/12"), "10.32.0.128/25");
  assert.equal(choose(spans("10.32.0.0/25", "10.32.0.192/26"), "10.32.0.0/12"), "10.32.0.192/26");
  assert.equal(choose(spans("10.32.0.0/31"), "10.32.0.0/12"), "10.32.0.1/32");
});

test("a donor keeps its last address, and one without any gives none", () => {
  assert.equal(choose(spans("10.32.0.7/32"), "10.32.0.0/12"), undefined);
  assert.equal(choose([], "10.32.0.0/12"), undefined);
});

test("what is given lies inside what was asked for, and halves are of that part", () => {
  assert.equal(choose(spans("10.32.0.0/12"), "10.40.1.0/24"), "10.40.1.128/25");
  assert.equal(choose(spans("10.32.0.0/13"), "10.40.1.0/24"), undefined);
});

test("a single address is given if it is free, half or not", () => {
  assert.equal(choose(spans("10.32.0.0/30"), "10.32.0.2/32"), "10.32.0.2/32");
  assert.equal(choose(spans("10.32.0.2/32"), "10.32.0.2/32"), "10.32.0.2/32");
  assert.equal(choose(spans("10.32.0.0/31"), "10.32.0.2/32"), undefined);
});

test("exactly what a donor was given it gives in halves, and a single address of that kind not at all", () => {
  const ofGiven = (within: string, ...given: string[]) => {
    const block = chooseBlock(
      spans(...given),
      parsePrefix(within)!,
      limits,
      (each) => given.includes(formatPrefix(each)),
    );
    return block && formatPrefix(block);
  };
  const two = ["10.32.0.80/28", "10.32.0.224/28"];
  assert.equal(ofGiven("10.32.0.0/12", ...two), "10.32.0.232/29");
  assert.equal(ofGiven("10.32.0.7/32", "10.32.0.7/32"), undefined);
  assert.equal(ofGiven("10.32.0.0/12", "10.32.0.6/32", "10.32.0.7/32"), undefined);
});
