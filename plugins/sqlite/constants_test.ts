import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { CommitQueue, groupLimits } from "./group.ts";
import { sqlite } from "./mod.ts";

// Figures that an operator or the documentation relies on: a change of one of them must be meant.

test("one write takes 256 batches or 1 MiB at most", () => {
  assert.deepEqual(groupLimits, { batches: 256, bytes: 1_048_576 });
  const queue = new CommitQueue();
  const push = (size: number) => queue.push({ changes: [], size, settle: () => {} });
  for (let i = 0; i < 300; i++) push(0);
  assert.deepEqual([queue.take().length, queue.take().length], [256, 44]);
  for (const size of [1_048_575, 1, 1]) push(size);
  assert.deepEqual([queue.take().length, queue.take().length], [2, 1]);
});

test("a state file of less than 64 KiB is refused in the configuration", () => {
  assert.throws(() => sqlite({ directory: "/var/lib/selvage", maxBytes: 65_535 }), {
    code: "CONFIG_INVALID",
    message: /maxBytes/,
  });
  assert.equal(sqlite({ directory: "/var/lib/selvage", maxBytes: 65_536 }).name, "sqlite");
});
