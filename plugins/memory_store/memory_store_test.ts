import assert from "node:assert/strict";
import { testStore } from "../../tests/conformance/store.ts";
import { test } from "../../tests/harness.ts";
import { MemoryDisk, memoryStore, memoryStoreOn } from "./mod.ts";

const bed = (bytes?: number) => {
  const disk = new MemoryDisk(bytes);
  return { create: () => disk.mount(), remove: () => {} };
};

testStore({ name: "memory_store", bed: () => bed(), smallBed: bed });

const host = undefined as never;

test("a memory store has the size that its configuration names, 64 MiB by default", async () => {
  const small = memoryStore({ maxBytes: 10 }).create(host);
  await assert.rejects(small.commit([{ key: "key", value: new Uint8Array(8) }]), { code: "DISK_FULL" });
  const usual = memoryStore({}).create(host);
  await usual.commit([{ key: "key", value: new Uint8Array(1 << 20) }]);
  assert.throws(() => memoryStore({ maxBytes: 0 }), {
    code: "CONFIG_INVALID",
    message: /memory_store\.maxBytes/,
  });
});

test("a node killed on a simulated disk loses exactly what had not been acknowledged", async () => {
  const disk = new MemoryDisk();
  const plugin = memoryStoreOn(disk);
  const killed = plugin.create(host);
  await killed.commit([{ key: "acknowledged", value: Uint8Array.of(1) }]);
  const pending = killed.commit([{ key: "pending", value: Uint8Array.of(2) }]);
  const next = plugin.create(host);
  await assert.rejects(pending, { code: "NOT_RUNNING" });
  assert.deepEqual([...next.entries("")], [["acknowledged", Uint8Array.of(1)]]);
});

const one = (key: string, ...bytes: number[]) => [{ key, value: Uint8Array.from(bytes) }];
const keysOn = (disk: MemoryDisk) => disk.snapshot().map(({ key }) => key);

test("a disk fails with the errors of the contract, for so many writes, and then works again", async () => {
  const disk = new MemoryDisk();
  const store = disk.mount();
  disk.fail("io", 2, 1);
  await store.commit(one("a", 1));
  for (const key of ["b", "c"]) {
    await assert.rejects(store.commit(one(key, 1)), { code: "STATE_UNWRITABLE", message: /input\/output/ });
  }
  await store.commit(one("d", 1));
  disk.fail("full");
  await assert.rejects(store.commit(one("e", 1)), { code: "DISK_FULL" });
  disk.fail("read-only");
  await assert.rejects(store.commit(one("f", 1)), { code: "STATE_UNWRITABLE", message: /read-only/ });
  disk.repair();
  await store.commit(one("g", 1));
  assert.deepEqual(keysOn(disk), ["a", "d", "g"]);
});

test("batches that are called while a write is under way share the next one", async () => {
  const disk = new MemoryDisk();
  const writes: (() => void)[] = [];
  disk.writeTime = () => new Promise((resolve) => writes.push(resolve));
  const store = disk.mount();
  const done: string[] = [];
  const commit = (key: string) => store.commit(one(key, 1)).then(() => void done.push(key));
  const first = commit("first");
  await Promise.resolve();
  const others = [commit("second"), commit("third")];
  writes.shift()!();
  await first;
  assert.deepEqual([done, keysOn(disk), disk.pending], [["first"], ["first"], 2]);
  while (writes.length === 0) await Promise.resolve();
  assert.equal(writes.length, 1, "both wait for one write");
  writes.shift()!();
  await Promise.all(others);
  assert.deepEqual(done, ["first", "second", "third"]);
});

test("a kill within a write leaves the first batches of it whole, and nobody hears of any", async () => {
  for (const landed of [0, 1, 2]) {
    const disk = new MemoryDisk();
    disk.writeTime = () => new Promise(() => {});
    const store = disk.mount();
    let heard = 0;
    for (const key of ["a", "b"]) {
      const settled = () => void heard++;
      store.commit([...one(`${key}/1`, 1), ...one(`${key}/2`, 2)]).then(settled, settled);
    }
    await Promise.resolve();
    disk.kill(landed);
    await assert.rejects(store.commit(one("late", 1)), { code: "NOT_RUNNING" });
    assert.deepEqual(keysOn(disk), ["a/1", "a/2", "b/1", "b/2"].slice(0, 2 * landed));
    assert.equal(heard, 0);
  }
});

test("of what was pending at a kill, a disk that fails takes nothing from the first batch on that it refuses", async () => {
  const disk = new MemoryDisk();
  disk.writeTime = () => new Promise(() => {});
  const store = disk.mount();
  for (const key of ["a", "b", "c"]) void store.commit(one(key, 1));
  await Promise.resolve();
  disk.fail("read-only", 1, 1);
  disk.kill(3);
  assert.deepEqual(keysOn(disk), ["a"]);
  assert.equal(disk.mount().get("b"), undefined);
});

test("a disk that lies loses what it acknowledged last when its store is killed, and nothing after an orderly end", async () => {
  for (const isKilled of [true, false]) {
    const disk = new MemoryDisk();
    const store = disk.mount();
    await store.commit(one("key", 1));
    disk.losesLast(2);
    for (const value of [2, 3, 4]) await store.commit([...one("key", value), ...one(`new/${value}`, value)]);
    assert.deepEqual(store.get("key"), Uint8Array.of(4));
    if (isKilled) disk.kill();
    else await store[Symbol.asyncDispose]();
    assert.deepEqual(disk.mount().get("key"), Uint8Array.of(isKilled ? 2 : 4));
    assert.deepEqual(keysOn(disk), isKilled ? ["key", "new/2"] : ["key", "new/2", "new/3", "new/4"]);
  }
});

test("a snapshot keeps what was on the disk, and restores it on the same or another one", async () => {
  const disk = new MemoryDisk();
  const store = disk.mount();
  await store.commit([...one("kept", 1), ...one("changed", 1)]);
  const snapshot = disk.snapshot();
  await store.commit([...one("changed", 2), ...one("new", 2), { key: "kept", value: undefined }]);
  const other = new MemoryDisk();
  other.restore(snapshot);
  disk.restore(snapshot);
  await assert.rejects(store.commit(one("late", 1)), { code: "NOT_RUNNING" });
  for (const each of [disk, other]) {
    assert.deepEqual([...each.mount().entries("")], [
      ["changed", Uint8Array.of(1)],
      ["kept", Uint8Array.of(1)],
    ]);
  }
});
