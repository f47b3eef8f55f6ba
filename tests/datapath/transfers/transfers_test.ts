/**
 * A few cells of the table in every run of the suite, each on the runtime that its nodes run on. All of them, with up to
 * 1 GiB each: `npm run prove -- transfers`.
 */
import assert from "node:assert/strict";
import { test } from "../../harness.ts";
import { limit } from "../../hosts/lab_fixture.ts";
import { lacksForTransfers } from "./bed.ts";
import { cellName, quickCells } from "./cells.ts";
import { runTransfer } from "./transfer.ts";

const skip = lacksForTransfers();
const isDeno = "Deno" in globalThis;

for (const [seed, { cell, bytes }] of quickCells.entries()) {
  if ((cell.nodes === "deno") !== isDeno) continue;
  test(`every byte is right and no loss is our own: ${cellName(cell)} lost`, async () => {
    const outcome = await runTransfer({ cell, bytes, seed });
    assert.equal(outcome.bytes, bytes);
  }, { skip, limit });
}
