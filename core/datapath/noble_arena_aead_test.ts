import assert from "node:assert/strict";
import { testArenaAead } from "../../tests/conformance/arena_aead.ts";
import { test } from "../../tests/harness.ts";
import { heapArena } from "./arena.ts";
import { nobleArenaSuites } from "./noble_arena_aead.ts";

testArenaAead({ name: "noble", bed: (length) => ({ suites: nobleArenaSuites(), arena: heapArena(length) }) });

test("noble: a freed key no longer gives what it gave", () => {
  for (const suite of nobleArenaSuites()) {
    const arena = heapArena(200);
    const key = suite.key(new Uint8Array(32).fill(3), arena);
    assert.equal(key.seal(1, 0, 0, 20, 8, 40), true);
    key.free();
    assert.equal(key.open(1, 0, 0, 40, 24, 20), false);
  }
});
