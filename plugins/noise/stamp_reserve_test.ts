import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { decodeReserve, encodeReserve } from "./stamp_reserve.ts";

test("a reserve of stamps is read as it was written, with its form in front", () => {
  for (const reserve of [0, 1, 1_900_000_000_000, Number.MAX_SAFE_INTEGER]) {
    assert.equal(decodeReserve(encodeReserve(reserve)), reserve);
  }
  assert.deepEqual(encodeReserve(258), Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 1, 2));
});

test("a reserve of a newer form is UNSUPPORTED, and a damaged one is STATE_CORRUPT rather than none", () => {
  assert.throws(() => decodeReserve(Uint8Array.of(2)), { code: "UNSUPPORTED" });
  const beyond = [1, 0, 0x20, 0, 0, 0, 0, 0, 0]; // 2^53: from there on stamps would not grow
  for (const value of [[], [0], [1], [1, 0, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0, 0, 0], beyond]) {
    assert.throws(() => decodeReserve(Uint8Array.from(value)), { code: "STATE_CORRUPT" }, `[${value}]`);
  }
});
