import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { decodeHex, encodeHex } from "./hex.ts";

test("hex text is two padded digits per byte, and comes back as the same bytes", () => {
  const property = fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
    const slow = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    assert.equal(encodeHex(bytes), slow);
    assert.deepEqual(decodeHex(encodeHex(bytes)), bytes);
  });
  fc.assert(property, { seed: 1, numRuns: 2000 });
});

test("bytes that are more than a call takes arguments become one text all the same", () => {
  const bytes = Uint8Array.from({ length: 5000 }, (_, i) => i);
  assert.equal(encodeHex(bytes).length, 10_000);
  assert.deepEqual(decodeHex(encodeHex(bytes)), bytes);
});

test("text that the encoder does not write is refused", () => {
  for (const text of ["0", "abc", "AB", "0x12", "1 2", "zz", "12\n", "é1", "१२"]) {
    assert.equal(decodeHex(text), undefined, text);
  }
  const property = fc.property(fc.string({ maxLength: 8 }), (text) => {
    const bytes = decodeHex(text);
    if (bytes !== undefined) assert.equal(encodeHex(bytes), text);
  });
  fc.assert(property, { seed: 1, numRuns: 2000 });
});
