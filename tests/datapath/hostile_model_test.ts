import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { runHostile } from "./hostile_model.ts";

test("of datagrams that were altered or repeated none is delivered, and the good peer's all are", () => {
  const { altered, repeated, good, badTag, replayed, malformed, left } = runHostile({
    seed: 1,
    inputs: 3_000,
  });
  assert.ok(altered + repeated >= 3_000);
  for (const count of [altered, repeated, good, badTag, replayed, malformed, left]) assert.ok(count > 0);
});
