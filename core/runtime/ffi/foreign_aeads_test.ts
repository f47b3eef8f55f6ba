import assert from "node:assert/strict";
import process from "node:process";
import { test } from "../../../tests/harness.ts";
import { MeshError } from "../../contracts/errors.ts";
import { chooseAeads, trialLength } from "../../datapath/aead_choice.ts";
import { systemClock } from "../clock.ts";
import type { Foreign } from "./foreign.ts";
import { foreignAeads } from "./foreign_aeads.ts";
import { presentWays } from "./foreign_fixture.ts";
import { mapArena } from "./system_arena.ts";
import { systemForeign } from "./system_foreign.ts";

const skip = process.platform === "linux" ? undefined : "needs Linux";

for (const way of presentWays()) {
  test(
    `${way}: every suite of this machine's libraries passes the trial, and both ciphers are chosen`,
    async () => {
      using foreign = await systemForeign(way);
      const suites = foreignAeads(foreign);
      const arena = mapArena(foreign, trialLength);
      const choice = chooseAeads(suites, { clock: systemClock(), arena, millis: 1, prefer: "auto" });
      assert.deepEqual(choice.measures.filter(({ sound }) => !sound), []);
      assert.equal(choice.measures.length, suites.length);
      assert.deepEqual(choice.suites.map(({ name }) => name).sort(), ["aes-256-gcm", "chacha20-poly1305"]);
      for (const { sealNanos, openNanos } of choice.measures) assert.ok(sealNanos > 0 && openNanos > 0);
    },
    { skip },
  );
}

function without(code: "UNSUPPORTED" | "INTERNAL"): Foreign {
  return {
    way: "koffi",
    functions: () => {
      throw new MeshError(code, "Cannot call the library: it is not there; install it");
    },
    memory: (_address, length) => new ArrayBuffer(length),
    errno: () => 0,
    [Symbol.dispose]: () => {},
  };
}

test("a machine without the libraries has no such suites, and other failures are not hidden", () => {
  assert.deepEqual(foreignAeads(without("UNSUPPORTED")), []);
  assert.throws(() => foreignAeads(without("INTERNAL")), { code: "INTERNAL" });
});
