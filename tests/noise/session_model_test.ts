import assert from "node:assert/strict";
import { test } from "../harness.ts";
import { runSessionModel } from "./session_model.ts";

test("whatever happens to two to four nodes, the model of their sessions holds", () => {
  const { delivered } = runSessionModel({ seed: 20_261_123, runs: 20, commands: 40 });
  assert.ok(delivered > 200, `${delivered} packets`);
});
