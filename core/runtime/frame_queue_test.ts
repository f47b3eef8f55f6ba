import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { FrameQueue } from "./frame_queue.ts";

function queue(): { frames: FrameQueue; taken: () => number } {
  let taken = 0;
  return { frames: new FrameQueue(100, () => taken++), taken: () => taken };
}

test("frames wait for their reader, who takes their weight with them", async () => {
  const { frames, taken } = queue();
  frames.push(new Uint8Array(5));
  frames.push(new Uint8Array());
  assert.deepEqual([frames.weight, frames.bytes], [205, 5]);
  const reader = frames.iterate();
  await reader.next();
  assert.deepEqual([frames.weight, frames.bytes, taken()], [100, 0, 1]);
});

test("a reader that was there first gets a frame without its having any weight", async () => {
  const { frames } = queue();
  const next = frames.iterate().next();
  frames.push(Uint8Array.of(7));
  assert.equal(frames.weight, 0);
  assert.deepEqual((await next).value, Uint8Array.of(7));
});

test("a reader that leaves loses nothing, and a second one at a time is refused", async () => {
  const { frames } = queue();
  for (const byte of [1, 2]) frames.push(Uint8Array.of(byte));
  for await (const frame of frames.iterate()) {
    assert.deepEqual(frame, Uint8Array.of(1));
    break;
  }
  frames.finish();
  assert.deepEqual(await Array.fromAsync(frames.iterate()), [Uint8Array.of(2)]);
  const { frames: empty } = queue();
  const waiting = empty.iterate().next();
  await assert.rejects(empty.iterate().next(), { code: "INVALID_ARGUMENT" });
  empty.finish();
  assert.equal((await waiting).done, true);
});

test("what waits is read before the error, and the first end counts", async () => {
  const { frames } = queue();
  frames.push(Uint8Array.of(1));
  frames.fail(new Error("cut"));
  frames.finish();
  frames.push(Uint8Array.of(2));
  const reader = frames.iterate();
  assert.deepEqual((await reader.next()).value, Uint8Array.of(1));
  await assert.rejects(reader.next(), /cut/);
});

test("discarding ends readers, and drops what waits and what comes", async () => {
  const { frames } = queue();
  const waiting = frames.iterate().next();
  frames.discard();
  frames.push(Uint8Array.of(1));
  assert.equal((await waiting).done, true);
  assert.equal((await frames.iterate().next()).done, true);
  assert.equal(frames.weight, 0);
});
