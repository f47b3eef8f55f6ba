import assert from "node:assert/strict";
import process from "node:process";
import { test } from "../../../tests/harness.ts";
import type { Foreign } from "./foreign.ts";
import { presentWays, withForeign } from "./foreign_fixture.ts";
import { arenaAt, mapArena, Mapping } from "./system_arena.ts";
import { ERRNO } from "./system_error.ts";

const skip = process.platform === "linux" ? undefined : "needs Linux";

/** A kernel that gives what the test says: an address, or a negated error number. */
class FakeKernel {
  readonly hints: number[] = [];
  readonly unmapped: number[] = [];
  readonly #give: (hint: number) => number;
  #errno = 0;

  constructor(give: (hint: number) => number) {
    this.#give = give;
  }

  get foreign(): Foreign {
    const mmap = (hint: number) => {
      this.hints.push(hint);
      const given = this.#give(hint);
      this.#errno = Math.max(-given, 0);
      return given < 0 ? -1 : given;
    };
    const munmap = (address: number) => this.unmapped.push(address);
    return { functions: () => ({ mmap, munmap }), errno: () => this.#errno } as unknown as Foreign;
  }
}

for (const way of presentWays()) {
  test(`${way}: an arena is zeroed, shared and below 2^31, and two of them do not touch`, async () => {
    await withForeign(way, (foreign) => {
      const first = mapArena(foreign, 100_000);
      const second = mapArena(foreign, 5000);
      for (const { address, bytes } of [first, second]) {
        assert.ok(address > 0 && address + bytes.length <= 2 ** 31);
        assert.ok(bytes.every((byte) => byte === 0));
      }
      first.bytes.fill(1);
      assert.ok(second.bytes.every((byte) => byte === 0));
      first.view.setUint32(99_996, 0x01020304);
      const again = arenaAt(foreign, first.address + 99_000, 1000);
      assert.deepEqual([...again.bytes.subarray(995)], [1, 1, 2, 3, 4]);
    });
  }, { skip });

  test(
    `${way}: with the hints of machines without MAP_32BIT an arena is where asked, and the next beside it`,
    async () => {
      await withForeign(way, (foreign) => {
        // MAP_SHARED, MAP_ANONYMOUS and MAP_FIXED_NOREPLACE.
        const [first, second] = [0, 1].map(() => new Mapping(foreign, 4096).atFirstFree(0x10_0021));
        assert.ok(first! >= 0x1000_0000 && second! > first! && second! < 2 ** 31);
        arenaAt(foreign, second!, 4096).bytes.fill(1);
        assert.ok(arenaAt(foreign, first!, 4096).bytes.every((byte) => byte === 0));
      });
    },
    { skip },
  );
}

test("a length that no memory below 2^31 has is an error", () => {
  const { foreign } = new FakeKernel(() => 0);
  for (const length of [0, -1, 1.5, 2 ** 31, Number.NaN]) {
    assert.throws(() => mapArena(foreign, length), { code: "INVALID_ARGUMENT" });
  }
});

test("memory that is too high is given back, and with none at all the last reason is told", () => {
  const high = new FakeKernel(() => 0x7f00_0000_0000);
  assert.throws(() => new Mapping(high.foreign, 4096).at(0, 0), {
    code: "UNSUPPORTED",
    message: /no addresses below 2\^31/,
  });
  assert.deepEqual(high.unmapped, [0x7f00_0000_0000]);
  const full = new FakeKernel(() => -ERRNO.ENOMEM);
  assert.throws(() => new Mapping(full.foreign, 4096).atFirstFree(0), {
    code: "UNSUPPORTED",
    details: { reason: "ENOMEM" },
  });
  assert.ok(full.hints.length > 20 && full.hints.every((hint) => hint > 0 && hint < 2 ** 31));
  assert.throws(() => new Mapping(full.foreign, 0x7fff_f000).atFirstFree(0), { message: /does not fit/ });
});

test("a place that is taken is passed over", () => {
  const kernel = new FakeKernel((hint) => hint < 0x1c00_0000 ? -ERRNO.EEXIST : hint);
  assert.equal(new Mapping(kernel.foreign, 4096).atFirstFree(0), 0x1c00_0000);
});
