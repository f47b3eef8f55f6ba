import assert from "node:assert/strict";
// deno-lint-ignore selvage/no-runtime-globals -- an oracle to compare with
import { createHash } from "node:crypto";
import { test } from "../../tests/harness.ts";
import { domainBytes, domainHash } from "./domain.ts";

test("a domain is a readable text that ends in a zero byte", () => {
  assert.equal(new TextDecoder().decode(domainBytes("record 1")), "selvage record 1\0");
});

test("a domain hash is BLAKE2s over the domain and the parts", () => {
  const expected = createHash("blake2s256").update("selvage thing 1\0").update("abc").digest();
  const parts = [Uint8Array.of(97), Uint8Array.of(98, 99)];
  assert.deepEqual(domainHash("thing 1", 32, ...parts), new Uint8Array(expected));
});

test("purpose, length and parts each change a domain hash", () => {
  const part = Uint8Array.of(1);
  const hashes = [
    domainHash("a", 16, part),
    domainHash("b", 16, part),
    domainHash("a", 16, Uint8Array.of(2)),
    domainHash("a", 32, part).subarray(0, 16),
  ];
  assert.equal(new Set(hashes.map(String)).size, hashes.length);
});
