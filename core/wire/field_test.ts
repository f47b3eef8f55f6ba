import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { readU16, readU32, readU64, writeU16, writeU32, writeU64 } from "./field.ts";

test("fields are big-endian and unsigned, as a DataView reads them", () => {
  const bytes = fc.uint8Array({ minLength: 16, maxLength: 32 });
  const property = fc.property(bytes, fc.nat(8), (data, offset) => {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    assert.equal(readU16(data, offset), view.getUint16(offset));
    assert.equal(readU32(data, offset), view.getUint32(offset));
    assert.equal(readU64(data, offset), Number(view.getBigUint64(offset)));
  });
  fc.assert(property, { seed: 1, numRuns: 2000 });
});

test("what is written is read back, and nothing beside it changes", () => {
  const property = fc.property(
    fc.nat(0xffff),
    fc.nat(0xffff_ffff),
    fc.maxSafeNat(),
    fc.nat(20),
    (a, b, c, at) => {
      const bytes = new Uint8Array(40).fill(0xaa);
      writeU16(bytes, at, a);
      writeU32(bytes, at + 2, b);
      writeU64(bytes, at + 6, c);
      assert.deepEqual([readU16(bytes, at), readU32(bytes, at + 2), readU64(bytes, at + 6)], [a, b, c]);
      bytes.fill(0xaa, at, at + 14);
      assert.ok(bytes.every((byte) => byte === 0xaa));
    },
  );
  fc.assert(property, { seed: 1, numRuns: 2000 });
});

test("extreme values keep their sign and their last bit", () => {
  const bytes = new Uint8Array(8);
  for (const value of [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
    writeU32(bytes, 0, value);
    assert.equal(readU32(bytes, 0), value);
  }
  for (const value of [0xffff_ffff, 0x1_0000_0000, Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER]) {
    writeU64(bytes, 0, value);
    assert.equal(readU64(bytes, 0), value);
  }
});

test("a 64-bit value from 2^53 up is never taken for a safe integer", () => {
  const property = fc.property(fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }), (value) => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, value);
    assert.ok(!Number.isSafeInteger(readU64(bytes, 0)));
  });
  fc.assert(property, { seed: 1, numRuns: 2000 });
});

test("reads and writes past the end stay inside the view", () => {
  const buffer = new Uint8Array(12).fill(0xff);
  const view = buffer.subarray(4, 7);
  assert.equal(readU16(view, 2), 0xff00);
  assert.equal(readU32(view, 1), 0xffff_0000);
  writeU32(view, 1, 0);
  assert.deepEqual([...buffer], [255, 255, 255, 255, 255, 0, 0, 255, 255, 255, 255, 255]);
});
