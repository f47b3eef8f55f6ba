import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import type { Address, Prefix } from "../contracts/values.ts";
import { addressToBigInt, offsetAddress, parseAddress, sameAddress } from "./address.ts";
import {
  addressWidth,
  comparePrefix,
  contains,
  containsPrefix,
  firstAddress,
  formatPrefix,
  hostPrefix,
  lastAddress,
  maskAddress,
  overlaps,
  parsePrefix,
  prefixOf,
  prefixSize,
  samePrefix,
  splitPrefix,
} from "./prefix.ts";

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  assert.ok(parsed, text);
  return parsed;
}

function address(text: string): Address {
  const parsed = parseAddress(text);
  assert.ok(parsed, text);
  return parsed;
}

/** Addresses that share leading bits often, so that containment is not always false. */
const anyAddress = fc.tuple(
  fc.constantFrom(4, 16),
  fc.array(fc.constantFrom(0, 1, 128, 255), { minLength: 16 }),
).map(
  ([length, bytes]): Address => ({
    family: length === 4 ? 4 : 6,
    bytes: Uint8Array.from(bytes.slice(0, length)),
  }),
);
const anyPrefix = fc.tuple(anyAddress, fc.nat(128)).map(([value, bits]) =>
  prefixOf(value, bits % (addressWidth(value.family) + 1))
);

/** First and last address as numbers: the slow, obvious meaning of a prefix. */
function range(value: Prefix): readonly [number, bigint, bigint] {
  const shift = BigInt(addressWidth(value.address.family) - value.bits);
  const first = (addressToBigInt(value.address) >> shift) << shift;
  return [value.address.family, first, first + (1n << shift) - 1n];
}

test("every prefix is written in one text that reads back as itself", () => {
  const property = fc.property(anyPrefix, (value) => assert.deepEqual(prefix(formatPrefix(value)), value));
  fc.assert(property, { seed: 1, numRuns: 2000 });
});

test("blocks are read and written canonically", () => {
  for (const text of ["0.0.0.0/0", "10.32.0.0/12", "10.32.0.7/32", "::/0", "fd00:1::/48", "::1/128"]) {
    assert.equal(formatPrefix(prefix(text)), text);
  }
  assert.equal(formatPrefix(prefix("FD00:0001:0::/48")), "fd00:1::/48");
});

test("host bits, odd lengths and loose text are refused", () => {
  const refused = [
    "",
    "/",
    "10.0.0.0",
    "10.0.0.0/",
    "/8",
    "10.0.0.5/24",
    "10.0.0.0/33",
    "10.0.0.0/08",
    "10.0.0.0/ 8",
    "10.0.0.0/8 ",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
    "10.0.0.0/8.0",
    "10.0.0/8",
    "10.0.0.0/1e1",
    "10.0.0.0/255.0.0.0",
    "::/129",
    "fd00::1/64",
    "::ffff:10.0.0.0/24",
    "fe80::%lo/64",
    "0.0.0.1/0",
    "8000::/0",
  ];
  for (const text of refused) assert.equal(parsePrefix(text), undefined, text);
});

test("containment, overlap, size and ends agree with ranges of numbers", () => {
  const property = fc.property(anyPrefix, anyPrefix, anyAddress, (left, right, value) => {
    const [leftFamily, leftFirst, leftLast] = range(left);
    const [rightFamily, rightFirst, rightLast] = range(right);
    const number = addressToBigInt(value);
    assert.equal(
      contains(left, value),
      leftFamily === value.family && leftFirst <= number && number <= leftLast,
    );
    const inside = leftFamily === rightFamily && leftFirst <= rightFirst && rightLast <= leftLast;
    assert.equal(containsPrefix(left, right), inside);
    const meet = leftFamily === rightFamily && leftFirst <= rightLast && rightFirst <= leftLast;
    assert.equal(overlaps(left, right), meet);
    assert.equal(prefixSize(left), leftLast - leftFirst + 1n);
    assert.equal(addressToBigInt(firstAddress(left)), leftFirst);
    assert.equal(addressToBigInt(lastAddress(left)), leftLast);
  });
  fc.assert(property, { seed: 1, numRuns: 6000 });
});

test("a mask keeps the leading bits and clears the rest", () => {
  const property = fc.property(anyAddress, fc.nat(128), (value, bits) => {
    const length = bits % (addressWidth(value.family) + 1);
    const shift = BigInt(addressWidth(value.family) - length);
    assert.equal(addressToBigInt(maskAddress(value, length)), (addressToBigInt(value) >> shift) << shift);
    assert.ok(contains(prefixOf(value, length), value));
  });
  fc.assert(property, { seed: 1, numRuns: 2000 });
  for (const bits of [-1, 33, 1.5, NaN]) {
    assert.throws(() => maskAddress(address("10.0.0.1"), bits), { code: "INVALID_ARGUMENT" });
  }
});

test("the halves of a block are disjoint, adjacent and together the block", () => {
  const property = fc.property(anyPrefix, (value) => {
    const halves = splitPrefix(value);
    if (halves === undefined) return assert.equal(prefixSize(value), 1n);
    const [lower, upper] = halves;
    assert.ok(sameAddress(firstAddress(lower), firstAddress(value)));
    assert.ok(sameAddress(lastAddress(upper), lastAddress(value)));
    assert.deepEqual(offsetAddress(lastAddress(lower), 1n), firstAddress(upper));
    assert.ok(!overlaps(lower, upper) && prefixSize(lower) === prefixSize(upper));
    assert.deepEqual([lower, upper].map(formatPrefix).map(parsePrefix), [lower, upper]);
  });
  fc.assert(property, { seed: 1, numRuns: 2000 });
});

test("order is by first address and then the larger block, and equal only for the same block", () => {
  const property = fc.property(anyPrefix, anyPrefix, (left, right) => {
    assert.equal(samePrefix(left, right), formatPrefix(left) === formatPrefix(right));
    assert.equal(comparePrefix(left, right) === 0, samePrefix(left, right));
    assert.equal(Math.sign(comparePrefix(left, right)), -Math.sign(comparePrefix(right, left)) + 0);
  });
  fc.assert(property, { seed: 1, numRuns: 2000 });
  const sorted = ["10.0.0.0/8", "10.0.0.0/24", "10.0.1.0/24", "::/0"];
  assert.deepEqual([...sorted].reverse().map(prefix).sort(comparePrefix).map(formatPrefix), sorted);
});

test("a host prefix holds its address and nothing else", () => {
  assert.equal(formatPrefix(hostPrefix(address("10.32.0.7"))), "10.32.0.7/32");
  assert.equal(formatPrefix(hostPrefix(address("fd00::7"))), "fd00::7/128");
});

test("no operation changes the prefix it was given", () => {
  const value = prefix("10.32.0.0/12");
  lastAddress(value);
  splitPrefix(value);
  maskAddress(value.address, 3);
  assert.deepEqual(value, prefix("10.32.0.0/12"));
});
