/**
 * What cbor-x could do and must not do here. Its tables of tags and limits are those of the whole process, and any other
 * user of the package may change them; so these tests change them first.
 */
import assert from "node:assert/strict";
import { addExtension, Encoder } from "cbor-x/index-no-eval";
import { test } from "../../tests/harness.ts";
import { copyBytes } from "./bytes.ts";
import { hex } from "./captured_packets.ts";
import { decodeCbor, encodeCbor } from "./cbor.ts";

const malformed = { name: "MeshError", code: "MALFORMED" };

test("bignums are refused in both signs and every size, though cbor-x would make them", () => {
  for (const text of ["c249010000000000000000", "c349010000000000000000", "c240", "c34100", "81c24101"]) {
    assert.throws(() => decodeCbor(hex(text)), { ...malformed, message: /tags are not used/ }, text);
  }
  assert.throws(() => decodeCbor(hex(`c2590fa0${"ff".repeat(4000)}`)), malformed);
  assert.equal(new Encoder().decode(hex("c249010000000000000000")), 2n ** 64n);
});

test("definitions of records, packed values and shared references are refused, alone and inside", () => {
  const records = new Encoder({ useRecords: true, structures: [] });
  const withRecords = new Uint8Array(records.encode([{ a: 1, b: 2 }, { a: 3, b: 4 }]));
  const shared = new Encoder({ structuredClone: true, useRecords: false });
  const self: unknown[] = [];
  self.push(self);
  for (
    const bytes of [
      withRecords,
      new Uint8Array(shared.encode(self)),
      hex("d9dfff84190fff81616101"),
      hex("d81d00"),
    ]
  ) {
    assert.throws(() => decodeCbor(bytes), malformed);
  }
});

test("an extension that another module registers neither runs on what we read nor shapes what we write", () => {
  class Trap {
    readonly value: unknown;
    constructor(value: unknown) {
      this.value = value;
    }
  }
  let ran = 0;
  addExtension({
    Class: Trap,
    tag: 43_311,
    encode: (trap: Trap, encode: (value: unknown) => Uint8Array) => encode(trap.value),
    decode: (value: unknown) => (ran++, new Trap(value)),
  });
  assert.throws(() => decodeCbor(hex("d9a92f01")), { ...malformed, message: /tags are not used/ });
  assert.throws(() => encodeCbor({ trap: new Trap(1) }), {
    code: "INVALID_ARGUMENT",
    message: /value\.trap/,
  });
  assert.equal(ran, 0);
});

test("dates, regular expressions, sets and errors never come out, whatever tag says so", () => {
  for (
    const tag of ["c000", "c11a514b67b0", "d81b8261786161", "d9010280", "d81c80", "d9040080", "da0000000100"]
  ) {
    assert.throws(() => decodeCbor(hex(tag)), malformed, tag);
  }
});

test("a length of gigabytes is refused before anything of that size exists", () => {
  for (
    const head of [
      "5a7fffffff",
      "5b00000001ffffffff",
      "7a7fffffff",
      "9a7fffffff",
      "ba3fffffff",
      "9b0000ffffffffffff",
    ]
  ) {
    assert.throws(() => decodeCbor(hex(`82${head}00`)), {
      ...malformed,
      message: /ends before its last item/,
    }, head);
  }
});

test("two results of the same bytes share nothing, and a changed result changes no later one", () => {
  const bytes = encodeCbor({ list: [Uint8Array.of(1, 2, 3)], map: { a: 1 } });
  const read = () => decodeCbor(bytes) as { list: Uint8Array[]; map: Record<string, number> };
  const [first, second] = [read(), read()];
  const kept = copyBytes(second.list[0]!);
  first.list[0]!.fill(0xff);
  first.map["a"] = 2;
  first.map["b"] = 3;
  assert.deepEqual(second, { list: [kept], map: { a: 1 } });
  assert.deepEqual(read(), second);
  assert.equal(new Set([first, second].map(({ list }) => list[0]!.buffer)).size, 2);
});

test("a byte string of nothing is nothing, and not a window on what is beside it", () => {
  const [empty, next] = decodeCbor(hex("82404101")) as [Uint8Array, Uint8Array];
  assert.deepEqual([empty.length, empty.buffer.byteLength, next], [0, 0, Uint8Array.of(1)]);
});
