import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { settingsSchema } from "../config/settings.ts";
import { workersFor } from "./datapath.ts";

test("threads are half of the processors, one where there are up to three, and four at most", () => {
  const processors = [1, 2, 3, 4, 5, 6, 8, 9, 64];
  assert.deepEqual(processors.map(workersFor), [1, 1, 1, 2, 2, 3, 4, 4, 4]);
});

test("a configuration may ask for 1 to 8 threads, or leave it to the node", () => {
  const workersOf = (workers: unknown) => settingsSchema.shape.datapath.safeParse({ workers });
  assert.equal(workersOf(undefined).data?.workers, "auto");
  for (const good of ["auto", 1, 8]) assert.equal(workersOf(good).data?.workers, good);
  for (const bad of [0, 9, 1.5, -1, "2", "main", null]) assert.equal(workersOf(bad).success, false, `${bad}`);
});
