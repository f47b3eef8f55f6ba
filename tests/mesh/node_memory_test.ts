import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { measure } from "./node_memory.ts";

test("a node that starts on the state of a crowd knows all of them, and holds at least what they have signed", async () => {
  const { used, told } = await measure(30, 1);
  assert.ok(told > 30 * 700, `${told}`);
  assert.ok(used > told, `${used}, ${told}`);
});
