import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { blob, exactBytes, type Fields, readMap, wholeNumber } from "./fields.ts";

const sample = {
  b: Uint8Array.of(1, 2, 3, 4),
  t: "web-1",
  i: 7,
  l: [Uint8Array.of(1), Uint8Array.of(2)],
  e: [Uint8Array.of(192, 0, 2, 1, 0x1a, 0x7f)],
};

function read<T>(value: unknown, reader: (fields: Fields) => T): T | undefined {
  return readMap(encodeCbor(value), 1024, reader);
}

test("every field of the right kind is read", () => {
  const fields = read(sample, (map) => ({
    exact: map.bytes("b", 4),
    blob: map.blob("b", 9),
    text: map.text("t", (text) => text === "web-1"),
    number: map.integer("i", 7, 7),
    list: map.list("l", 2, (item) => exactBytes(item, 1)),
    endpoints: map.endpoints("e", 1),
    present: map.has("b"),
    absent: map.has("z"),
  }));
  assert.deepEqual(fields, {
    exact: sample.b,
    blob: sample.b,
    text: "web-1",
    number: 7,
    list: sample.l,
    endpoints: [{ host: "192.0.2.1", port: 6783 }],
    present: true,
    absent: false,
  });
});

const refusals: Readonly<Record<string, (fields: Fields) => unknown>> = {
  "an absent field": (map) => map.bytes("z", 4),
  "a key that objects inherit": (map) => map.text("toString", () => true),
  "bytes of another length": (map) => map.bytes("b", 5),
  "a text where bytes belong": (map) => map.bytes("t", 5),
  "bytes over the limit": (map) => map.blob("b", 3),
  "a text that is not valid": (map) => map.text("t", () => false),
  "bytes where a text belongs": (map) => map.text("b", () => true),
  "a number below the range": (map) => map.integer("i", 8, 9),
  "a number above the range": (map) => map.integer("i", 0, 6),
  "a text where a number belongs": (map) => map.integer("t", 0, 9),
  "a list over the limit": (map) => map.list("l", 1, (item) => item),
  "a list with a bad item": (map) => map.list("l", 2, (item) => exactBytes(item, 2)),
  "a number where a list belongs": (map) => map.list("i", 2, (item) => item),
  "endpoints that are none": (map) => map.endpoints("l", 2),
  "another version": (map) => map.version("i", 8),
};

for (const [what, reader] of Object.entries(refusals)) {
  test(`${what} makes the whole map undefined`, () => assert.equal(read(sample, reader), undefined));
}

test("fractions and numbers beyond 2^53 are no integers", () => {
  for (const i of [1.5, 2 ** 60, 2n ** 60n, NaN]) {
    assert.equal(read({ i }, (map) => map.integer("i", 0, Number.MAX_SAFE_INTEGER)), undefined);
  }
});

test("what is no map, is cut, or is over the limit is undefined", () => {
  for (const value of [7, "a", null, [1], Uint8Array.of(1)]) assert.equal(read(value, () => true), undefined);
  assert.equal(readMap(encodeCbor(sample).subarray(0, -1), 1024, () => true), undefined);
  assert.equal(readMap(encodeCbor(sample), 10, () => true), undefined);
});

test("a fault of the reader itself is not taken for bad input", () => {
  assert.throws(() => read(sample, () => JSON.parse("{")), SyntaxError);
});

test("a blob and exact bytes must be byte strings", () => {
  assert.throws(() => blob("text", 9), { code: "MALFORMED" });
  assert.throws(() => exactBytes([1, 2], 2), { code: "MALFORMED" });
});

test("whole numbers beyond 32 bits are written as integers, not as floats", () => {
  assert.equal(encodeCbor(wholeNumber(2 ** 32 - 1))[0], 0x1a);
  assert.equal(encodeCbor(wholeNumber(2 ** 32))[0], 0x1b);
  assert.equal(read({ w: wholeNumber(2 ** 53 - 1) }, (map) => map.integer("w", 0, 2 ** 53 - 1)), 2 ** 53 - 1);
});
