import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import type { StoreChange } from "../contracts/store.ts";
import { LateWrites } from "./late_writes.ts";
import { FakeLog, FakeStore } from "./node_fixture.ts";

const change = (key: string, fill: number): StoreChange => ({ key, value: Uint8Array.of(fill) });

async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}

test("an older change that is refused late does not take the place of a newer one", async () => {
  const store = new FakeStore();
  const late = new LateWrites(store, new FakeLog());
  store.isFull = true;
  late.write([change("a", 1), change("b", 1)]);
  late.write([change("a", 2)]);
  await settled();
  store.isFull = false;
  late.retry();
  await settled();
  assert.deepEqual([...store.entries("")], [["a", Uint8Array.of(2)], ["b", Uint8Array.of(1)]]);
});

test("what was refused goes along four thousand at a time, until all of it is written", async () => {
  const store = new FakeStore();
  const late = new LateWrites(store, new FakeLog());
  store.isFull = true;
  late.write(Array.from({ length: 5_000 }, (_, i) => change(`${i}`, 1)));
  await settled();
  store.isFull = false;
  const sizes = [];
  for (let i = 0; i < 3; i++) {
    late.retry();
    await settled();
    sizes.push(store.content.size);
  }
  assert.deepEqual(sizes, [4_096, 5_000, 5_000]);
  assert.equal(store.history.length, 2);
});
