import assert from "node:assert/strict";
import { MemoryDisk } from "../memory_store/disk.ts";
import { testHost } from "../../tests/conformance/test_host.ts";
import { test } from "../../tests/harness.ts";
import { IncarnationKeeper, incarnationKey } from "./incarnation_keeper.ts";

test("each start begins at or above all incarnations that were told before", async () => {
  const disk = new MemoryDisk();
  let told = 0;
  for (let life = 0; life < 5; life++) {
    const { clock, ...host } = testHost({ disk });
    const keeper = new IncarnationKeeper({ ...host, clock });
    const first = await clock.complete(keeper.start());
    assert.ok(first > told || life === 0, `${first} after ${told}`);
    for (let incarnation = first; incarnation < first + 20; incarnation++) {
      if (keeper.mayTell(incarnation)) told = incarnation;
      await clock.advance(10);
    }
    assert.equal(told, first + 19, "a disk that works keeps up");
    keeper.stop();
  }
});

test("what the disk does not know of is not told, until it has room again", async () => {
  const disk = new MemoryDisk();
  const { clock, logged, ...host } = testHost({ disk });
  const keeper = new IncarnationKeeper({ ...host, clock });
  const first = await clock.complete(keeper.start());
  disk.fail("full");
  const mayTell = () => Array.from({ length: 12 }, (_, i) => keeper.mayTell(first + i)).lastIndexOf(true);
  assert.equal(mayTell(), 8);
  await clock.advance(100_000);
  assert.deepEqual([mayTell(), keeper.mayTell(first + 9)], [8, false]);
  assert.deepEqual(logged.map(({ level }) => level), ["warn"]);
  disk.repair();
  await clock.advance(120_000);
  assert.equal(keeper.mayTell(first + 9), true);
  keeper.stop();
  assert.equal(clock.pending, 0);
});

test("a newer form is UNSUPPORTED, a damaged one STATE_CORRUPT, and a full disk fails the start", async () => {
  const cases = [[[2, 0, 0, 0, 1], "UNSUPPORTED"], [[1, 0, 0], "STATE_CORRUPT"], [
    [1, 255, 0, 0, 0],
    "STATE_CORRUPT",
  ]] as const;
  for (const [bytes, code] of cases) {
    const { clock, store, ...host } = testHost();
    await clock.complete(store.commit([{ key: incarnationKey, value: Uint8Array.from(bytes) }]));
    const keeper = new IncarnationKeeper({ ...host, clock, store });
    await assert.rejects(clock.complete(keeper.start()), { code });
  }
  const disk = new MemoryDisk();
  const { clock, ...host } = testHost({ disk });
  disk.fail("full");
  await assert.rejects(clock.complete(new IncarnationKeeper({ ...host, clock }).start()), {
    code: "DISK_FULL",
  });
});
