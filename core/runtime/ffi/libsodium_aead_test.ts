import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import process from "node:process";
import { testArenaAead } from "../../../tests/conformance/arena_aead.ts";
import { test } from "../../../tests/harness.ts";
import { presentWays } from "./foreign_fixture.ts";
import { libsodiumSuites } from "./libsodium_aead.ts";
import { mapArena } from "./system_arena.ts";
import { systemForeign } from "./system_foreign.ts";

const folders = ["/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
const present = process.platform === "linux" &&
  folders.some((folder) => existsSync(`${folder}/libsodium.so.23`));
const skip = present ? undefined : "needs libsodium";

for (const way of presentWays()) {
  testArenaAead({
    name: `libsodium by ${way}`,
    bed: async (length) => {
      const foreign = await systemForeign(way);
      const dispose = () => foreign[Symbol.dispose]();
      return {
        suites: libsodiumSuites(foreign),
        arena: mapArena(foreign, length),
        [Symbol.dispose]: dispose,
      };
    },
    skip,
  });

  test(`libsodium by ${way}: ChaCha20-Poly1305 is always there, and a freed key refuses`, async () => {
    using foreign = await systemForeign(way);
    const arena = mapArena(foreign, 4096);
    const suites = libsodiumSuites(foreign);
    assert.equal(suites.at(-1)!.name, "chacha20-poly1305");
    for (const suite of suites) {
      assert.equal(suite.implementation, `libsodium ${way}`);
      const key = suite.key(new Uint8Array(32), arena);
      assert.equal(key.seal(1, 0, 0, 16, 8, 64), true);
      key.free();
      assert.equal(key.seal(1, 0, 0, 16, 8, 64), false);
      assert.equal(key.open(1, 0, 0, 64, 24, 16), false);
    }
  }, { skip });
}
