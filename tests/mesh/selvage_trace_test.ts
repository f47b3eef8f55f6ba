import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { selvageGossip as kind } from "./selvage_gossip.ts";
import { swizzleMesh } from "./swizzle.ts";

/**
 * What every runtime must come to. It changes with the wire format, with times and with the order of what is sent; the
 * failing test prints the new value.
 */
const expected = "e57b184f331f1315";

test("a random run of machines under faults gives the same trace on every runtime", () => {
  assert.equal(swizzleMesh({ kind, seed: 3, nodes: 12, operations: 200 }).traceHash, expected);
});
