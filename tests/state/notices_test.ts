import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "../harness.ts";
import { captureRing } from "./captured_ring.ts";
import { foundIntent, sqliteOn, startNode } from "./crash_parts.ts";
import { openBed } from "./sqlite_bed.ts";

/** Names of the alerts of a node that is started in this directory. */
async function alertsIn(directory: string): Promise<string[]> {
  const store = sqliteOn(directory);
  const parts = { name: "noted", store, ipam: captureRing().plugin, intent: foundIntent };
  await using node = await startNode(parts);
  const { alerts, healthy } = node.status();
  assert.equal(healthy, alerts.length === 0);
  return alerts.map(({ name }) => name);
}

test("a node on a copied state runs under an alert that says so, until its next start", () =>
  openBed(async (bed) => {
    const copy = `${bed.parent}/copy`;
    assert.deepEqual(await alertsIn(bed.directory), []);
    execFileSync("cp", ["-a", bed.directory, copy]);
    assert.deepEqual(await alertsIn(copy), ["state-copied"]);
    assert.deepEqual(await alertsIn(copy), []);
    assert.deepEqual(await alertsIn(bed.directory), []);
  }));
