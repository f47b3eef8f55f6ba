import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import process from "node:process";
import { testArenaAead } from "../../../tests/conformance/arena_aead.ts";
import { test } from "../../../tests/harness.ts";
import type { Foreign, ForeignCalls, ForeignSignatures, Handle } from "./foreign.ts";
import { presentWays } from "./foreign_fixture.ts";
import { libcryptoSuites } from "./libcrypto_aead.ts";
import { mapArena } from "./system_arena.ts";
import { systemForeign } from "./system_foreign.ts";

const skip = process.platform === "linux" ? undefined : "needs Linux";

for (const way of presentWays()) {
  testArenaAead({
    name: `libcrypto by ${way}`,
    bed: async (length) => {
      const foreign = await systemForeign(way);
      const dispose = () => foreign[Symbol.dispose]();
      return {
        suites: libcryptoSuites(foreign),
        arena: mapArena(foreign, length),
        [Symbol.dispose]: dispose,
      };
    },
    skip,
  });

  test(
    `libcrypto by ${way}: AES-GCM starts a message by parameter and by init, ChaCha20 by init`,
    async () => {
      using foreign = await systemForeign(way);
      const suites = libcryptoSuites(foreign);
      assert.deepEqual(suites.map(({ name, implementation }) => `${name} ${implementation}`), [
        `aes-256-gcm libcrypto ${way} by parameter`,
        `aes-256-gcm libcrypto ${way} by init`,
        `chacha20-poly1305 libcrypto ${way} by init`,
      ]);
    },
    { skip },
  );

  test(`libcrypto by ${way}: a freed key refuses, and forgeries leave no error to other users`, async () => {
    using loaded = await systemForeign(way);
    const arena = mapArena(loaded, 4096);
    for (const suite of libcryptoSuites(loaded)) {
      const key = suite.key(new Uint8Array(32), arena);
      for (let i = 0; i < 40; i++) assert.equal(key.open(i, 0, 0, 16, 64, 16), false);
      key.free();
      assert.equal(key.seal(1, 0, 0, 16, 8, 64), false);
      assert.equal(key.open(1, 0, 0, 16, 64, 16), false);
    }
    const name = way === "Deno.dlopen" ? "libcrypto.so.3" : null;
    const errors = loaded.functions(name, {
      peek: { symbol: "ERR_peek_error", parameters: [], result: "i64" },
    });
    assert.equal(errors.peek(), 0);
    assert.equal(createHash("sha256").update("").digest("hex").slice(0, 8), "e3b0c442");
  }, { skip });

  test(`libcrypto by ${way}: a library that fails at any step fails the packet, and no other`, async () => {
    using flaky = new FlakyForeign(await systemForeign(way));
    const arena = mapArena(flaky, 4096);
    for (const suite of libcryptoSuites(flaky)) {
      const key = suite.key(new Uint8Array(32).fill(5), arena);
      for (const step of ["set", "init", "sealPart", "endSeal", "get"]) {
        assert.equal(
          flaky.failing(step, () => key.seal(1, 0, 0, 16, 100, 200)),
          !used(step, suite.implementation),
        );
        assert.equal(key.seal(1, 0, 0, 16, 100, 200), true);
        assert.equal(key.open(1, 0, 0, 200, 116, 400), true);
        key.seal(1, 0, 0, 16, 100, 200);
      }
      for (const step of ["openPart", "endOpen"]) {
        assert.equal(flaky.failing(step, () => key.open(1, 0, 0, 200, 116, 400)), false);
        assert.equal(key.open(1, 0, 0, 200, 116, 400), true);
      }
      key.free();
    }
  }, { skip });

  test(`libcrypto by ${way}: a cipher that the library refuses is UNSUPPORTED`, async () => {
    using flaky = new FlakyForeign(await systemForeign(way));
    const arena = mapArena(flaky, 4096);
    for (const step of ["init", "newContext"]) {
      for (const suite of libcryptoSuites(flaky)) {
        const make = () => flaky.failing(step, () => suite.key(new Uint8Array(32), arena));
        assert.throws(make, { code: "UNSUPPORTED" });
      }
    }
  }, { skip });
}

/** Only the way by initialisation calls `init` for a packet, and only the other one `set`. */
function used(step: string, implementation: string): boolean {
  const byInit = implementation.endsWith(" by init");
  return step === "init" ? byInit : step === "set" ? !byInit : true;
}

/** Calls of one name fail while it is told so, before they reach the library. */
class FlakyForeign implements Foreign {
  readonly #inner: Foreign;
  #failing = "";

  constructor(inner: Foreign) {
    this.#inner = inner;
  }

  failing<T>(name: string, run: () => T): T {
    this.#failing = name;
    try {
      return run();
    } finally {
      this.#failing = "";
    }
  }

  get way(): Foreign["way"] {
    return this.#inner.way;
  }

  functions<const S extends ForeignSignatures>(name: string | null, signatures: S): ForeignCalls<S> {
    const calls = this.#inner.functions(name, signatures);
    const wrapped = Object.entries(calls).map(([key, call]) => {
      const failed = signatures[key]!.result === "handle" ? null : 0;
      const run = call as (...values: (number | Handle)[]) => number | Handle;
      return [key, (...values: (number | Handle)[]) => this.#failing === key ? failed : run(...values)];
    });
    return Object.fromEntries(wrapped) as ForeignCalls<S>;
  }

  memory(address: number, length: number): ArrayBuffer {
    return this.#inner.memory(address, length);
  }

  errno(): number {
    return this.#inner.errno();
  }

  [Symbol.dispose](): void {
    this.#inner[Symbol.dispose]();
  }
}
