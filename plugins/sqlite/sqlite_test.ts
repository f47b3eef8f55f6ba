import assert from "node:assert/strict";
import { MeshError } from "../../core/contracts/errors.ts";
import { systemClock } from "../../core/runtime/clock.ts";
import { testStore } from "../../tests/conformance/store.ts";
import { test } from "../../tests/harness.ts";
import { openBed, storeBed } from "../../tests/state/sqlite_bed.ts";
import { sqlite } from "./mod.ts";
import { SqliteStore } from "./store.ts";

testStore({ name: "sqlite", bed: storeBed, smallBed: storeBed });

test("reads and commits before the start are refused", () =>
  openBed(async (bed) => {
    const store = bed.create();
    assert.throws(() => store.get("key"), { code: "NOT_RUNNING" });
    assert.throws(() => store.entries(""), { code: "NOT_RUNNING" });
    await assert.rejects(store.commit([]), { code: "NOT_RUNNING" });
  }));

test("commits of one turn share one transaction: a full disk refuses all of them or none", () =>
  openBed(async (bed) => {
    const store = bed.create(100_000);
    await store.start?.(bed.signal);
    const half = () => new Uint8Array(60_000);
    const outcomes = await Promise.allSettled(
      ["a", "b"].map((key) => store.commit([{ key, value: half() }])),
    );
    assert.deepEqual(outcomes.map(({ status }) => status), ["rejected", "rejected"]);
    await store.commit([{ key: "a", value: half() }]);
    await assert.rejects(store.commit([{ key: "b", value: half() }]), { code: "DISK_FULL" });
    await store[Symbol.asyncDispose]?.();
    await bed.run((reopened) => assert.equal(reopened.get("b"), undefined));
  }));

test("after a failed sync nothing more is written: a second one that succeeds would prove nothing", () =>
  openBed(async (bed) => {
    let writes = 0;
    const fail = () => {
      writes++;
      throw new MeshError("STATE_UNWRITABLE", "Cannot write the file: disk I/O error", {
        details: { fatal: true },
      });
    };
    const location = { directory: bed.directory, file: bed.file };
    const store = new SqliteStore(
      location,
      systemClock(),
      () => ({ readAll: () => [], write: fail, close() {} }),
    );
    await store.start();
    const change = { key: "key", value: Uint8Array.of(1) };
    await assert.rejects(store.commit([change]), { code: "STATE_UNWRITABLE", message: /disk I\/O error$/ });
    await assert.rejects(store.commit([change]), {
      code: "STATE_UNWRITABLE",
      message: /until the node restarts$/,
    });
    assert.equal(store.get("key"), undefined);
    assert.equal(writes, 1);
    await store[Symbol.asyncDispose]();
  }));

test("a configuration without a directory, or with an unknown option, names the path", () => {
  assert.throws(() => sqlite({ directory: "" }), { code: "CONFIG_INVALID", message: /sqlite\.directory/ });
  const unknown = { directory: "/x", directroy: "/y" };
  assert.throws(() => sqlite(unknown), { code: "CONFIG_INVALID", message: /directroy/ });
});
