import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { systemRandom } from "./random.ts";

const random = systemRandom();

test("fill reaches every byte of any length and returns what it was given", () => {
  for (const length of [0, 1, 65_536, 65_537, 200_000]) {
    const bytes = new Uint8Array(length);
    assert.equal(random.fill(bytes), bytes);
    const tail = bytes.subarray(Math.max(0, length - 64));
    assert.ok(length < 64 || tail.some((byte) => byte !== 0), `the end of ${length} bytes stayed zero`);
  }
});

test("fill leaves the memory around a view alone", () => {
  const memory = new Uint8Array(300);
  random.fill(memory.subarray(100, 200));
  assert.ok(memory.subarray(0, 100).every((byte) => byte === 0));
  assert.ok(memory.subarray(200).every((byte) => byte === 0));
});

test("fill takes shared memory", () => {
  const shared = new Uint8Array(new SharedArrayBuffer(64));
  random.fill(shared);
  assert.ok(shared.some((byte) => byte !== 0));
});

test("two fills differ", () => {
  assert.notDeepEqual(random.fill(new Uint8Array(32)), random.fill(new Uint8Array(32)));
});
