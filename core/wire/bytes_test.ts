import assert from "node:assert/strict";
// deno-lint-ignore selvage/no-runtime-globals -- the sockets of Node hand out Buffers
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { compareBytes, concatBytes, copyBytes, equalBytes, equalConstantTime } from "./bytes.ts";

const bytes = fc.uint8Array({ maxLength: 12, max: 3 });

test("concatenation keeps every part in order and shares no memory with them", () => {
  const property = fc.property(fc.array(bytes, { maxLength: 5 }), (parts) => {
    const joined = concatBytes(...parts);
    assert.deepEqual([...joined], parts.flatMap((part) => [...part]));
    assert.ok(parts.every((part) => part.buffer !== joined.buffer));
  });
  fc.assert(property, { seed: 1, numRuns: 2000 });
});

test("a copy of a Buffer is a Uint8Array in memory of its own", () => {
  const buffer = Buffer.from([1, 2, 3, 4]);
  const copy = copyBytes(buffer, 1, 3);
  buffer.fill(9);
  assert.deepEqual(copy, Uint8Array.of(2, 3));
  assert.equal(Object.getPrototypeOf(copy), Uint8Array.prototype);
  assert.equal(copy.buffer.byteLength, 2);
});

test("a copy of shared memory is in memory that is not shared", () => {
  const shared = new Uint8Array(new SharedArrayBuffer(4)).fill(7);
  assert.ok(copyBytes(shared).buffer instanceof ArrayBuffer);
});

test("both equalities and the order agree with comparing arrays of numbers", () => {
  const property = fc.property(bytes, bytes, (left, right) => {
    const same = JSON.stringify([...left]) === JSON.stringify([...right]);
    assert.equal(equalBytes(left, right), same);
    assert.equal(equalConstantTime(left, right), same);
    assert.equal(compareBytes(left, right) === 0, same);
    assert.equal(Math.sign(compareBytes(left, right)), -Math.sign(compareBytes(right, left)) + 0);
    assert.equal(Math.sign(compareBytes(left, right)), Buffer.compare(left, right));
  });
  fc.assert(property, { seed: 1, numRuns: 4000 });
});

test("a difference in any one bit makes arrays unequal", () => {
  const left = new Uint8Array(33).fill(0x5a);
  for (let bit = 0; bit < 33 * 8; bit++) {
    const right = copyBytes(left);
    right[bit >>> 3]! ^= 1 << (bit & 7);
    assert.equal(equalConstantTime(left, right), false);
    assert.equal(equalBytes(left, right), false);
  }
});
