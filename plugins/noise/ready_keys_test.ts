import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { ReadyKeyTable } from "./ready_keys.ts";
import { FakeMembership, SeededRandom } from "./testing_rig.ts";

test("the keys of the last eight network keys are ready, those of one before them are made anew", () => {
  const table = new ReadyKeyTable(new FakeMembership("a"), new Uint8Array(32).fill(1), new SeededRandom(1));
  const secrets = Array.from({ length: 9 }, (_, i) => new Uint8Array(32).fill(i + 1));
  const made = secrets.map((secret) => table.network(secret));
  const newestFirst = [8, 7, 6, 5, 4, 3, 2, 1, 0];
  const isReady = newestFirst.map((i) => table.network(secrets[i]!) === made[i]);
  assert.deepEqual(isReady, [...new Array(8).fill(true), false]);
});
