/** One row of the table in the README of the sqlite plugin after the other: what is wrong has a code, a reason, a remedy. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { DatabaseSync } from "node:sqlite";
import process from "node:process";
import { type ErrorCode, isMeshError } from "../../core/contracts/errors.ts";
import type { Lifecycle } from "../../core/contracts/lifecycle.ts";
import type { Store, StoreChange } from "../../core/contracts/store.ts";
import type { StateFault } from "../../core/runtime/sqlite_file_errors.ts";
import { SqliteStore } from "../../plugins/sqlite/store.ts";
import { test } from "../harness.ts";
import { makeOlderForm } from "./older_form.ts";
import { type Bed, openBed, storeHost } from "./sqlite_bed.ts";

const notRoot = process.geteuid?.() === 0 ? undefined : "only root can mount file systems";

/** The damage is done to a file in which a node has run and left these. */
const entries: readonly StoreChange[] = [
  { key: "node/identity", value: new Uint8Array(100).fill(1) },
  { key: "node/large", value: new Uint8Array(40_000).map((_, i) => i * 13) },
];

interface Row {
  readonly what: string;
  readonly damage: (bed: Bed) => void;
  readonly code: ErrorCode;
  readonly reason: StateFault;
  /** The part of the message that names it. */
  readonly says: RegExp;
}

const rows: readonly Row[] = [
  {
    what: "a header that is not SQLite's",
    damage: edit((bytes) => bytes.fill(0x55, 0, 100)),
    code: "STATE_CORRUPT",
    reason: "not-a-database",
    says: /it is not a database; put a backup/,
  },
  {
    what: "a page of noise in the middle",
    damage: edit((bytes) => bytes.subarray(8192, 12_288).forEach((_, i, page) => page[i] = i * 17)),
    code: "STATE_CORRUPT",
    reason: "damaged",
    says: /put a backup in its place, or move it away/,
  },
  {
    what: "a changed byte inside a value",
    damage: edit((bytes) => bytes[indexOfValue(bytes)]! ^= 1),
    code: "STATE_CORRUPT",
    reason: "damaged",
    says: /the entry "node\/identity" is not as it was written/,
  },
  {
    what: "a lost end",
    damage: (bed) => fs.truncateSync(bed.file, fs.statSync(bed.file).size - 4096),
    code: "STATE_CORRUPT",
    reason: "damaged",
    says: /put a backup/,
  },
  {
    what: "an empty file where a node has run before",
    damage: (bed) => fs.truncateSync(bed.file, 0),
    code: "STATE_CORRUPT",
    reason: "emptied",
    says: /it is empty, although a node has run on it before/,
  },
  {
    what: "a log without its file",
    damage: (bed) => {
      fs.rmSync(bed.file);
      fs.writeFileSync(`${bed.file}-wal`, new Uint8Array(5000), { mode: 0o600 });
    },
    code: "STATE_CORRUPT",
    reason: "log-alone",
    says: /it is missing, but its log .*-wal is there/,
  },
  {
    what: "a log of which the beginning is no log",
    damage: (bed) => fs.writeFileSync(`${bed.file}-wal`, new Uint8Array(5000), { mode: 0o600 }),
    code: "STATE_CORRUPT",
    reason: "log-damaged",
    says: /its log .*-wal is damaged, and acknowledged changes in it are lost/,
  },
  {
    what: "the database of another program",
    damage: sql("PRAGMA application_id = 7"),
    code: "STATE_CORRUPT",
    reason: "foreign",
    says: /it is the database of another program/,
  },
  {
    what: "the file of a newer release",
    damage: sql("PRAGMA user_version = 99"),
    code: "UNSUPPORTED",
    reason: "newer",
    says: /a newer release wrote it \(version 99, this one knows 2\); install that release again/,
  },
  {
    what: "a form that no release wrote",
    damage: sql("PRAGMA user_version = 0"),
    code: "STATE_CORRUPT",
    reason: "unknown-form",
    says: /no release has written form 0/,
  },
];

for (const { what, damage, code, reason, says } of rows) {
  test(`${what} is refused by name, and left as it is`, () =>
    openBed(async (bed) => {
      await bed.run((store) => store.commit(entries));
      damage(bed);
      const before = contents(bed.directory);
      await assert.rejects(bed.run(() => assert.fail("it started")), (error) => {
        assert.ok(isMeshError(error), String(error));
        assert.deepEqual([error.code, error.details["reason"]], [code, reason]);
        assert.match(error.message, says);
        return true;
      });
      assert.deepEqual(contents(bed.directory), before);
    }));
}

test("places where no directory can be are refused by name", () =>
  openBed(async (bed) => {
    fs.writeFileSync(`${bed.parent}/file`, "");
    fs.symlinkSync(`${bed.parent}/b`, `${bed.parent}/a`);
    fs.symlinkSync(`${bed.parent}/a`, `${bed.parent}/b`);
    const places: readonly (readonly [path: string, says: RegExp])[] = [
      [`${bed.parent}/file`, /it is not a directory; name another/],
      [`${bed.parent}/file/below`, /a part of the path is a file; name another/],
      ["/proc/selvage/state", /Cannot make the state directory .*: no directory can be made there/],
      [`${bed.parent}/${"long".repeat(70)}`, /the path is too long; name another/],
      [`${bed.parent}/a/state`, /symbolic links in the path lead in a circle/],
    ];
    for (const [path, says] of places) {
      await assert.rejects(bed.run(async () => {}, path), { code: "STATE_UNWRITABLE", message: says }, path);
    }
    assert.deepEqual(fs.readdirSync(bed.parent).sort(), ["a", "b", "file"]);
  }), { skip: process.platform === "linux" ? undefined : "only Linux has /proc" });

test("a read-only mount is refused by name, with the state on it intact", () =>
  openBed(async (bed) => {
    await bed.run((store) => store.commit(entries));
    execFileSync("mount", ["--bind", bed.directory, bed.directory]);
    try {
      execFileSync("mount", ["-o", "remount,bind,ro", bed.directory]);
      const message = /the file system is mounted read-only; name a state directory elsewhere/;
      await assert.rejects(bed.run(async () => {}), { code: "STATE_UNWRITABLE", message });
    } finally {
      execFileSync("umount", [bed.directory]);
    }
    await bed.run((store) => assert.equal([...store.entries("")].length, entries.length));
  }), { skip: notRoot });

test("the file of the release before is taken over with every entry, and only once", () =>
  openBed(async (bed) => {
    const old = makeOlderForm(bed.directory);
    for (let start = 0; start < 2; start++) {
      await bed.run((store) => {
        assert.equal([...store.entries("")].length, old.length);
        for (const { key, value } of old) assert.deepEqual(store.get(key), value);
      });
    }
  }));

test("the file of the release before is taken over also when it fills what the configuration allows", () =>
  openBed(async (bed) => {
    const old = makeOlderForm(bed.directory);
    const store = bed.create(Math.ceil(fs.statSync(bed.file).size * 1.5));
    await store.start?.(bed.signal);
    assert.equal([...store.entries("")].length, old.length);
    await store[Symbol.asyncDispose]?.();
  }));

test("a file of the release before with something else in it is refused, and keeps its form", () =>
  openBed(async (bed) => {
    makeOlderForm(bed.directory);
    alter(bed.file, "UPDATE entries SET value = 'text' WHERE key = 'crash/old-7'");
    await assert.rejects(bed.run(async () => {}), { code: "STATE_CORRUPT", message: /not text and bytes/ });
    alter(bed.file, "UPDATE entries SET value = x'01' WHERE key = 'crash/old-7'");
    await bed.run((store) => assert.deepEqual(store.get("crash/old-7"), Uint8Array.of(1)));
  }));

test("an older copy that is put back starts, and is named at that start only", () =>
  openBed(async (bed) => {
    await bed.run((store) => store.commit(entries));
    fs.copyFileSync(bed.file, `${bed.parent}/backup.db`);
    await bed.run((store) => store.commit([{ key: "later", value: Uint8Array.of(1) }]));
    assert.deepEqual(await noticesAt(bed), []);
    fs.copyFileSync(`${bed.parent}/backup.db`, bed.file);
    assert.deepEqual(await noticesAt(bed), ["state-restored"]);
    assert.deepEqual(await noticesAt(bed), []);
  }));

test("a backup of the release before that is put back after the update is named as an older copy", () =>
  openBed(async (bed) => {
    makeOlderForm(bed.directory);
    fs.copyFileSync(bed.file, `${bed.parent}/backup.db`);
    assert.deepEqual(await noticesAt(bed), []);
    fs.copyFileSync(`${bed.parent}/backup.db`, bed.file);
    assert.deepEqual(await noticesAt(bed), ["state-restored"]);
    assert.deepEqual(await noticesAt(bed), []);
  }));

test("after the file was moved away a node starts anew, also when its first start there was killed", () =>
  openBed(async (bed) => {
    await bed.run((store) => store.commit(entries));
    fs.rmSync(bed.file);
    const killed: Store & Lifecycle = new SqliteStore(
      {
        directory: bed.directory,
        file: bed.file,
        probe: (at) => {
          if (at === "made") throw new Error("killed");
        },
      },
      storeHost,
    );
    await assert.rejects(async () => await killed.start?.(bed.signal), { message: "killed" });
    assert.equal(fs.statSync(bed.file).size, 0);
    await bed.run((store) => assert.deepEqual([...store.entries("")], []));
  }));

test("a copied directory starts, and is named; a moved one is not", () =>
  openBed(async (bed) => {
    await bed.run((store) => store.commit(entries));
    const copy = `${bed.parent}/copy`;
    execFileSync("cp", ["-a", bed.directory, copy]);
    assert.deepEqual(await noticesAt(bed, copy), ["state-copied"]);
    fs.renameSync(bed.directory, `${bed.parent}/moved`);
    assert.deepEqual(await noticesAt(bed, `${bed.parent}/moved`), []);
  }));

test("the file of another node in this place is named", () =>
  openBed(async (bed) => {
    await bed.run((store) => store.commit(entries));
    const other = `${bed.parent}/other`;
    await bed.run((store) => store.commit(entries), other);
    fs.copyFileSync(`${other}/selvage.db`, bed.file);
    assert.deepEqual(await noticesAt(bed), ["state-replaced", "state-copied"]);
  }));

async function noticesAt(bed: Bed, directory = bed.directory): Promise<string[]> {
  const store: Store & Lifecycle = bed.create(undefined, directory);
  await store.start?.(bed.signal);
  await store[Symbol.asyncDispose]?.();
  return store.notices!().map(({ name }) => name);
}

function edit(change: (bytes: Uint8Array) => void): (bed: Bed) => void {
  return ({ file }) => {
    const bytes = new Uint8Array(fs.readFileSync(file));
    change(bytes);
    fs.writeFileSync(file, bytes);
  };
}

function sql(text: string): (bed: Bed) => void {
  return ({ file }) => alter(file, text);
}

function alter(file: string, text: string): void {
  const database = new DatabaseSync(file);
  database.exec(text);
  database.close();
}

/** Where the hundred ones stand. */
function indexOfValue(bytes: Uint8Array): number {
  const at = bytes.findIndex((_, i) =>
    bytes.subarray(i, i + 50).every((byte) => byte === 1) && i + 50 < bytes.length
  );
  assert.notEqual(at, -1);
  return at + 10;
}

function contents(directory: string): Record<string, string> {
  const names = fs.readdirSync(directory).sort();
  return Object.fromEntries(
    names.map((name) => [name, fs.readFileSync(`${directory}/${name}`).toString("base64")]),
  );
}
