import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import type { Arena } from "./arena.ts";
import { RelayTable } from "./relay_table.ts";

function tagged(word: number): { arena: Arena; tag: Uint8Array } {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setInt32(4, word);
  return { arena: { bytes, view, address: 0 }, tag: bytes.slice() };
}

test("a peer that comes again in another slot is found there, for the slot before may have nobody any more", () => {
  const table = new RelayTable(8);
  const [ann, bob] = [tagged(1), tagged(2)];
  table.put({ kind: "relay", slot: 0, via: -1, takes: true, tag: ann.tag });
  table.put({ kind: "relay", slot: 1, via: -1, takes: true, tag: bob.tag });
  table.put({ kind: "relay", slot: 1, via: -1, takes: true, tag: ann.tag });
  assert.deepEqual([table.find(ann.arena, 0), table.find(bob.arena, 0)], [1, -1]);
  assert.deepEqual([table.hasTag(0), table.hasTag(1)], [false, true]);
});
