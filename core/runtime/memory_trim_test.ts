import assert from "node:assert/strict";
import process from "node:process";
import { test } from "../../tests/harness.ts";
import { SimClock } from "../../tests/sim/clock.ts";
import { MeshError } from "../contracts/errors.ts";
import type { Foreign } from "./ffi/foreign.ts";
import { presentWays, withForeign } from "./ffi/foreign_fixture.ts";
import { MemoryTrim, startMemoryTrim, trimMillis } from "./memory_trim.ts";

const CALLS = {
  malloc: { parameters: ["u32"], result: "handle" },
  memset: { parameters: ["handle", "i32", "u32"], result: "handle" },
  free: { parameters: ["handle"], result: "void" },
} as const;

/** Below what the C library maps and unmaps one by one. */
const pieceBytes = 100_000;
const pieces = 400;

/** Takes memory, uses it, and lets go of all but the last piece, which lies between the rest and the end of the arena. */
function leaveHoles(foreign: Foreign): Disposable {
  const { malloc, memset, free } = foreign.functions(null, CALLS);
  const taken = Array.from({ length: pieces }, () => malloc(pieceBytes));
  for (const piece of taken) memset(piece, 1, pieceBytes);
  const last = taken.pop()!;
  for (const piece of taken) free(piece);
  return { [Symbol.dispose]: () => void free(last) };
}

for (const way of presentWays()) {
  test(`what the C library keeps for nobody goes back to the system, by ${way}`, async () => {
    await withForeign(way, async (foreign) => {
      const clock = new SimClock();
      using _ = leaveHoles(foreign);
      using trim = await startMemoryTrim(clock, way);
      assert.ok(trim);
      await clock.advance(trimMillis - 1);
      const before = process.memoryUsage().rss;
      await clock.advance(1);
      const given = before - process.memoryUsage().rss;
      assert.ok(given > pieceBytes * pieces / 2, `${given} bytes`);
    });
  });

  test(`it goes on until it is disposed, by ${way}`, async () => {
    const clock = new SimClock();
    const trim = await startMemoryTrim(clock, way);
    await clock.advance(3 * trimMillis);
    assert.equal(clock.pending, 1);
    trim?.[Symbol.dispose]();
    assert.equal(clock.pending, 0);
  });
}

test("where nothing of C can be called nothing is done", async () => {
  const clock = new SimClock();
  const koffi = () => Promise.reject(new Error("no such package"));
  const sources = { deno: undefined, koffi, nodeFfi: () => undefined };
  assert.equal(await startMemoryTrim(clock, undefined, sources), undefined);
  assert.equal(clock.pending, 0);
});

test("a C library without such a call is given back at once", () => {
  let disposed = 0;
  const none = () => {
    throw new MeshError("UNSUPPORTED", "Cannot call what this process has loaded: no such symbol; use glibc");
  };
  const foreign: Foreign = {
    way: "koffi",
    functions: none,
    memory: none,
    errno: none,
    [Symbol.dispose]: () => void disposed++,
  };
  assert.throws(() => new MemoryTrim(foreign, new SimClock()), { code: "UNSUPPORTED" });
  assert.equal(disposed, 1);
});
