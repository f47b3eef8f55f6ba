import assert from "node:assert/strict";
import { MeshError } from "../core/contracts/errors.ts";
import { test } from "../tests/harness.ts";
import { SimClock } from "../tests/sim/clock.ts";
import { fakeIo } from "./io_fixture.ts";
import { parseInterval, watch } from "./watch.ts";

/** A watch every 2 s that shows what `frames` say in turn, and is interrupted after the last one. */
async function watched(frames: readonly (string | Error)[], colours = false) {
  const clock = new SimClock();
  const interrupt = new AbortController();
  const io = fakeIo({ clock, colours, interrupted: interrupt.signal });
  const left = [...frames];
  const at: number[] = [];
  const done = watch(io, 2000, () => {
    at.push(clock.now());
    const frame = left.shift()!;
    if (left.length === 0) interrupt.abort();
    if (frame instanceof Error) return Promise.reject(frame);
    io.out(frame);
    return Promise.resolve();
  });
  await clock.complete(done);
  return { ...io.written, at };
}

test("a watch shows again at every interval until it is interrupted", async () => {
  const { out, at } = await watched(["one\n", "two\n", "three\n"]);
  assert.equal(out, "one\n\ntwo\n\nthree\n");
  assert.deepEqual(at, [0, 2000, 4000]);
});

test("a terminal is cleared before every showing, and nothing else is", async () => {
  assert.equal((await watched(["one\n", "two\n"], true)).out, "\x1b[H\x1b[2Jone\n\x1b[H\x1b[2Jtwo\n");
});

test("a node that goes away while it is watched is waited for; one that was never there is not", async () => {
  const gone = () => new MeshError("NOT_RUNNING", "no node is running there");
  const { out, words } = await watched(["one\n", gone(), "two\n", "three\n"]);
  assert.equal(out, "one\n\n\ntwo\n\nthree\n");
  assert.equal(words, "selvage: no node is running there\n");
  await assert.rejects(watched([gone(), "never\n"]), { code: "NOT_RUNNING" });
  await assert.rejects(watched(["one\n", new MeshError("INTERNAL", "broken"), "never\n"]), {
    code: "INTERNAL",
  });
});

test("an interval is a number of seconds from 0.1 to 3600", () => {
  assert.equal(parseInterval("0.1"), 100);
  assert.equal(parseInterval("3600"), 3_600_000);
  for (const text of ["", " ", "0", "0.09", "3601", "soon", "-1", "Infinity", "NaN"]) {
    assert.throws(() => parseInterval(text), { code: "INVALID_ARGUMENT" }, text);
  }
});
