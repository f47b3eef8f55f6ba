import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { concatBytes, copyBytes } from "./bytes.ts";
import { hex } from "./captured_packets.ts";
import { decodeCbor, encodeCbor } from "./cbor.ts";

const malformed = { name: "MeshError", code: "MALFORMED" };
const unfit = { name: "MeshError", code: "INVALID_ARGUMENT" };

const key = fc.string({ unit: "grapheme", maxLength: 12 }).filter((text) => text !== "__proto__");
const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc.string({ unit: "binary", maxLength: 100 }),
  fc.string({ unit: "grapheme-ascii", minLength: 200, maxLength: 300 }),
).filter((value) => !value.startsWith("\uFEFF"));
const number = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double().filter((value) => !Object.is(value, -0)),
  fc.constantFrom(
    0,
    23,
    24,
    255,
    256,
    65_535,
    65_536,
    2 ** 32 - 1,
    2 ** 32,
    -(2 ** 32),
    -(2 ** 32) - 1,
    2 ** 53 - 1,
  ),
);
const wideInteger = fc.oneof(
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
  fc.bigInt({ min: -(2n ** 64n) + 1n, max: -(2n ** 53n) }),
);
const { value: message } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.oneof(number, text, wideInteger, fc.boolean(), fc.constant(null), fc.constant(undefined)),
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie("value"), { maxLength: 5 }),
    fc.dictionary(key, tie("value"), { maxKeys: 5, noNullPrototype: true }),
  ),
}));

test("every message survives the round trip", () => {
  const property = fc.property(message, (value) => assert.deepEqual(decodeCbor(encodeCbor(value)), value));
  fc.assert(property, { seed: 1, numRuns: 5000 });
});

test("encoding is preferred serialization, as RFC 8949 appendix A writes it", () => {
  const examples: [unknown, string][] = [
    [0, "00"],
    [23, "17"],
    [24, "1818"],
    [1_000_000, "1a000f4240"],
    [-1, "20"],
    [-100, "3863"],
    [-1000, "3903e7"],
    [18_446_744_073_709_551_615n, "1bffffffffffffffff"],
    [-18_446_744_073_709_551_615n, "3bfffffffffffffffe"],
    [1.1, "fb3ff199999999999a"],
    [false, "f4"],
    [null, "f6"],
    [undefined, "f7"],
    ["IETF", "6449455446"],
    ["水", "63e6b0b4"],
    [Uint8Array.of(1, 2, 3, 4), "4401020304"],
    [[], "80"],
    [[1, [2, 3]], "8201820203"],
    [{}, "a0"],
    [{ a: 1, b: [2, 3] }, "a26161016162820203"],
  ];
  for (const [value, encoded] of examples) {
    assert.deepEqual(encodeCbor(value), hex(encoded));
    assert.deepEqual(decodeCbor(hex(encoded)), value);
  }
});

test("integers are Numbers where that is exact, however wide they were written, and bigints elsewhere", () => {
  assert.equal(decodeCbor(hex("1b0000000000000001")), 1);
  assert.equal(decodeCbor(hex("3b0000000000000000")), -1);
  assert.equal(decodeCbor(hex("1b001fffffffffffff")), Number.MAX_SAFE_INTEGER);
  assert.equal(decodeCbor(hex("3b001ffffffffffffe")), Number.MIN_SAFE_INTEGER);
  assert.equal(decodeCbor(hex("1b0020000000000000")), 2n ** 53n);
  assert.equal(decodeCbor(hex("3b001fffffffffffff")), -(2n ** 53n));
  assert.equal(decodeCbor(hex("1affffffff")), 2 ** 32 - 1);
  assert.equal(decodeCbor(hex("3affffffff")), -(2 ** 32));
  assert.deepEqual(decodeCbor(encodeCbor([{ a: 5n }])), [{ a: 5 }]);
});

test("the one integer of CBOR that cannot be encoded again is refused", () => {
  assert.throws(() => decodeCbor(hex("3bffffffffffffffff")), { ...malformed, message: /beyond 64 bits/ });
  assert.throws(() => decodeCbor(hex("81a161613bffffffffffffffff")), malformed);
  assert.equal(decodeCbor(hex("3bfffffffffffffffe")), -(2n ** 64n) + 1n);
});

test("half, single and double floats are read", () => {
  assert.deepEqual(decodeCbor(hex("87f93c00f9c400f97c00f97e00fa47c35000fbc010666666666666f90001")), [
    1,
    -4,
    Infinity,
    NaN,
    100_000,
    -4.1,
    5.960464477539063e-8,
  ]);
});

test("an input over the limit is refused unseen and one of just that size is read", () => {
  const exact = encodeCbor(new Uint8Array(65_533));
  assert.equal(exact.length, 65_536);
  assert.doesNotThrow(() => decodeCbor(exact));
  assert.throws(() => decodeCbor(new Uint8Array(65_537)), {
    ...malformed,
    message: /65537 bytes, 65536 are allowed/,
  });
  assert.throws(() => decodeCbor(hex("820102"), { maxBytes: 2 }), malformed);
  assert.equal(decodeCbor(hex("00"), { maxBytes: 1 }), 0);
});

test("depth is bounded at 32 by default and at what the caller says", () => {
  const nested = (depth: number) => concatBytes(new Uint8Array(depth).fill(0x81), hex("00"));
  assert.doesNotThrow(() => decodeCbor(nested(32)));
  assert.throws(() => decodeCbor(nested(33)), { ...malformed, message: /nested deeper than 32/ });
  assert.throws(() => decodeCbor(nested(60_000)), malformed);
  assert.throws(() => decodeCbor(hex("818100"), { maxDepth: 1 }), malformed);
});

test("a duplicate key is refused wherever it is and however deep", () => {
  for (
    const encoded of ["a2616101616102", "81a2616101616102", "a16162a2616101616102", "a3616101616200616103"]
  ) {
    assert.throws(() => decodeCbor(hex(encoded)), { ...malformed, message: /names a key twice/ }, encoded);
  }
});

test("keys that name members of Object are ordinary data and __proto__ is refused", () => {
  const value = {
    constructor: 1,
    toString: 2,
    hasOwnProperty: 3,
    __defineGetter__: 4,
    then: 5,
    prototype: 6,
  };
  assert.deepEqual(decodeCbor(encodeCbor(value)), value);
  assert.throws(() => decodeCbor(hex("a1695f5f70726f746f5f5fa16178f5")), {
    ...malformed,
    message: /__proto__/,
  });
  assert.throws(() => encodeCbor(JSON.parse('{"a":{"__proto__":1}}')), {
    ...unfit,
    message: /value\.a has the key/,
  });
  assert.equal(({} as Record<string, unknown>)["x"], undefined);
});

test("nothing in a result shares memory with the input or with the rest of the result", () => {
  const input = encodeCbor([Uint8Array.of(1, 2), { b: Uint8Array.of(3) }, "text"]);
  const [first, { b }] = decodeCbor(input) as [Uint8Array, { b: Uint8Array }];
  input.fill(0xff);
  assert.deepEqual([first, b], [Uint8Array.of(1, 2), Uint8Array.of(3)]);
  assert.equal(new Set([input.buffer, first.buffer, b.buffer]).size, 3);
  assert.deepEqual([first.buffer.byteLength, b.buffer.byteLength], [2, 1]);
});

test("byte strings from shared memory are in memory that is not shared", () => {
  const encoded = encodeCbor(Uint8Array.of(1, 2));
  const shared = new Uint8Array(new SharedArrayBuffer(encoded.length));
  shared.set(encoded);
  const decoded = decodeCbor(shared) as Uint8Array;
  assert.deepEqual(decoded, Uint8Array.of(1, 2));
  assert.ok(decoded.buffer instanceof ArrayBuffer);
});

test("decoding leaves the input object as it was", () => {
  const input = Object.preventExtensions(encodeCbor({ a: [1, 2, 3] }));
  const before = copyBytes(input);
  decodeCbor(input);
  assert.deepEqual(input, before);
  assert.deepEqual(Object.keys(input).filter((name) => !/^\d+$/.test(name)), []);
});

test("the output is exactly as large as the message and belongs to the caller", () => {
  const first = encodeCbor({ a: 1 });
  const kept = copyBytes(first);
  for (let i = 0; i < 2000; i++) encodeCbor({ filler: "x".repeat(50), i });
  assert.deepEqual(first, kept);
  assert.equal(first.buffer.byteLength, first.length);
  assert.equal(Object.getPrototypeOf(first), Uint8Array.prototype);
});

test("what our messages do not have cannot be encoded, and the error says where it is", () => {
  class Custom {
    field = 1;
  }
  class List extends Array<number> {}
  const values = [
    new Map(),
    new Set(),
    new Date(0),
    /x/,
    new Error("x"),
    new Custom(),
    new List(),
    () => 1,
    Symbol("s"),
    new Float64Array(1),
    new ArrayBuffer(1),
    2n ** 64n,
    -(2n ** 64n),
    "\ud800",
    `${"x".repeat(80)}\udc00`,
    "\uFEFFx",
    Promise.resolve(),
  ];
  for (const value of values) {
    assert.throws(
      () => encodeCbor({ list: [0, value] }),
      { ...unfit, message: /value\.list\[1\]/ },
      String(value),
    );
  }
  assert.throws(() => encodeCbor({ "\ud800": 1 }), { ...unfit, message: /a key of value/ });
});

test("a cycle and nesting that no receiver takes cannot be encoded", () => {
  const cycle: unknown[] = [];
  cycle.push(cycle);
  assert.throws(() => encodeCbor(cycle), { ...unfit, message: /contains itself/ });
  const nested = (depth: number): unknown => depth === 0 ? 0 : [nested(depth - 1)];
  assert.doesNotThrow(() => decodeCbor(encodeCbor(nested(32))));
  assert.throws(() => encodeCbor(nested(33)), unfit);
  const maps = (depth: number): unknown => depth === 0 ? 0 : { a: maps(depth - 1) };
  assert.doesNotThrow(() => decodeCbor(encodeCbor(maps(32))));
  assert.throws(() => encodeCbor(maps(33)), unfit);
});

test("objects without a prototype are encoded like any other", () => {
  assert.deepEqual(decodeCbor(encodeCbor(Object.assign(Object.create(null), { a: 1 }))), { a: 1 });
});

test("after a refusal the next message is read and written as if nothing had been", () => {
  assert.throws(() => encodeCbor([1, 2, () => 3]), unfit);
  assert.throws(() => decodeCbor(hex("8201")), malformed);
  assert.deepEqual(decodeCbor(encodeCbor({ a: [1n, "b"] })), { a: [1, "b"] });
});

test("whatever decodes can be encoded again and decodes to the same", () => {
  const bytes = fc.array(
    fc.constantFrom(0x00, 0x18, 0x1b, 0x41, 0x61, 0x62, 0x81, 0x82, 0xa1, 0xf6, 0xf9, 0xc3, 0xa0),
    {
      maxLength: 24,
    },
  );
  let decoded = 0;
  const property = fc.property(bytes, (array) => {
    let value: unknown;
    try {
      value = decodeCbor(Uint8Array.from(array));
    } catch {
      return;
    }
    decoded++;
    const again = decodeCbor(encodeCbor(value));
    // The one value that is written as another: -0.
    assert.deepEqual(JSON.stringify(again, printable), JSON.stringify(value, printable));
  });
  fc.assert(property, { seed: 1, numRuns: 10_000 });
  assert.ok(decoded > 200, `${decoded} decoded`);
});

function printable(_key: string, value: unknown): unknown {
  return typeof value === "bigint" || Number.isNaN(value) || value === undefined ? String(value) : value;
}
