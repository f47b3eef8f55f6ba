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
