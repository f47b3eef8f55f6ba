import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { runSwizzle } from "./swizzle.ts";

/**
 * What every runtime must come to: BLAKE2s-128 over every operation, fault and datagram of the run below. It changes with
 * the wire format, with timing and with the order of what is done and sent; the failing test prints the new value.
 */
const expected = "ea8d10750c8061d1b1c781f57541d345";

test("a random run under faults gives the same trace on every runtime, and again on the same one", async () => {
  const run = { seed: 3, nodes: 3, operations: 120 };
  const [first, second] = [await runSwizzle(run), await runSwizzle(run)];
  assert.deepEqual(second, first);
  assert.equal(first.traceHash, expected);
});
