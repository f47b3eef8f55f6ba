import assert from "node:assert/strict";
import { MeshError } from "../../core/contracts/errors.ts";
import { silentLogger } from "../../core/node/silent_logger.ts";
import { testStore } from "../../tests/conformance/store.ts";
import { test } from "../../tests/harness.ts";
import { openBed, storeBed, storeHost } from "../../tests/state/sqlite_bed.ts";
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

test("of two commits that do not fit together the first is kept, and the second may be tried again", () =>
  openBed(async (bed) => {
    const store = bed.create(100_000);
    await store.start?.(bed.signal);
    const half = () => new Uint8Array(60_000);
    const outcomes = await Promise.allSettled(
      ["a", "b"].map((key) => store.commit([{ key, value: half() }])),
    );
    assert.deepEqual(outcomes.map(({ status }) => status), ["fulfilled", "rejected"]);
    await assert.rejects(store.commit([{ key: "b", value: half() }]), { code: "DISK_FULL" });
    await store.commit([{ key: "a", value: undefined }, { key: "b", value: half() }]);
    await store[Symbol.asyncDispose]?.();
    await bed.run((reopened) => assert.deepEqual([...reopened.entries("")].map(([key]) => key), ["b"]));
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
    const nothing = () => undefined;
    const file = { writeMarks: nothing, foldIfLong: nothing, close: nothing, discard: nothing };
    const empty = { readAll: () => [], get: nothing, entries: () => [], readMark: nothing };
    const store = new SqliteStore(location, storeHost, () => ({ ...file, ...empty, write: fail }));
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

test("a log that cannot be folded is told once, however often it is tried, and again after a fold", () =>
  openBed(async (bed) => {
    const told: string[] = [];
    const log = { ...silentLogger, log: (_: unknown, text: string) => void told.push(text) };
    const nothing = () => {};
    let folds = 0;
    const isFull = (fold: number) => fold !== 5;
    const file = {
      readAll: () => [],
      get: () => undefined,
      entries: () => [],
      readMark: () => undefined,
      write: nothing,
      writeMarks: nothing,
      close: nothing,
      discard: nothing,
      foldIfLong: () => {
        if (isFull(++folds)) throw new MeshError("DISK_FULL", "Cannot write: full");
      },
    };
    const location = { directory: bed.directory, file: bed.file };
    const store = new SqliteStore(location, { ...storeHost, log }, () => file);
    await store.start();
    while (folds < 8) await store.commit([{ key: "key", value: Uint8Array.of(1) }]);
    assert.deepEqual(told, new Array(2).fill("The log of the state file cannot be folded into it"));
    await store[Symbol.asyncDispose]();
  }));

test("a configuration without a directory, or with an unknown option, names the path", () => {
  assert.throws(() => sqlite({ directory: "" }), { code: "CONFIG_INVALID", message: /sqlite\.directory/ });
  const unknown = { directory: "/x", directroy: "/y" };
  assert.throws(() => sqlite(unknown), { code: "CONFIG_INVALID", message: /directroy/ });
});
