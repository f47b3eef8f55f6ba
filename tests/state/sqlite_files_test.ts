import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { DatabaseSync } from "node:sqlite";
import process from "node:process";
import { withUmask } from "../../core/runtime/process.ts";
import { test } from "../harness.ts";
import { modeOf, openBed, startFails } from "./sqlite_bed.ts";

const otherUser = 65_534;
const notRoot = process.geteuid?.() === 0
  ? undefined
  : "only root can give files away and mount file systems";

test("directory and files are private from their first moment under any umask", async () => {
  for (const umask of [0o000, 0o022, 0o777]) {
    await openBed(async (bed) => {
      const store = bed.create();
      await withUmask(umask, () => store.start?.(bed.signal));
      await store.commit([{ key: "key", value: Uint8Array.of(1) }]);
      assert.equal(modeOf(bed.directory), 0o700);
      assert.deepEqual(fs.readdirSync(bed.directory).sort(), [
        "selvage.db",
        "selvage.db-start",
        "selvage.db-wal",
      ]);
      for (const name of fs.readdirSync(bed.directory)) {
        assert.equal(modeOf(`${bed.directory}/${name}`), 0o600);
      }
      await store[Symbol.asyncDispose]?.();
      assert.deepEqual(fs.readdirSync(bed.directory).sort(), ["selvage.db", "selvage.db-start"]);
    });
  }
});

test("a directory that others may enter is refused with the command that repairs it", () =>
  openBed(async (bed) => {
    for (const mode of [0o755, 0o710, 0o701]) {
      fs.mkdirSync(bed.directory, { recursive: true });
      fs.chmodSync(bed.directory, mode);
      await startFails(bed, {
        code: "STATE_INSECURE",
        message: new RegExp(`run: chmod 700 ${bed.directory}$`),
      });
      assert.deepEqual(fs.readdirSync(bed.directory), []);
    }
    fs.chmodSync(bed.directory, 0o700);
    await bed.run(async () => {});
  }));

test("the repair command is safe to paste when the path has spaces and quotes", () =>
  openBed(async (bed) => {
    fs.mkdirSync(bed.directory, { mode: 0o755 });
    await startFails(bed, { code: "STATE_INSECURE", message: /run: chmod 700 '.*\/it'\\''s mine'$/ });
  }, "it's mine"));

test("a directory or a state file of another user is refused", () =>
  openBed(async (bed) => {
    await bed.run(async () => {});
    fs.chownSync(bed.file, otherUser, otherUser);
    await startFails(bed, {
      code: "STATE_INSECURE",
      message: /selvage\.db: it belongs to user 65534.*chown 0 /,
    });
    fs.chownSync(bed.directory, otherUser, otherUser);
    await startFails(bed, { code: "STATE_INSECURE", message: /state: it belongs to user 65534/ });
  }), { skip: notRoot });

test("a state file that others may read is refused", () =>
  openBed(async (bed) => {
    await bed.run(async () => {});
    fs.chmodSync(bed.file, 0o640);
    await startFails(bed, {
      code: "STATE_INSECURE",
      message: /its mode 0640 lets others in; run: chmod 600 /,
    });
  }));

test("a state file that is a symbolic link or a directory is refused", () =>
  openBed(async (bed) => {
    fs.mkdirSync(bed.directory, { mode: 0o700 });
    fs.symlinkSync(`${bed.parent}/elsewhere.db`, bed.file);
    await startFails(bed, { code: "STATE_INSECURE", message: /it is a symbolic link; move it away$/ });
    assert.equal(fs.existsSync(`${bed.parent}/elsewhere.db`), false);
    fs.rmSync(bed.file);
    fs.mkdirSync(bed.file);
    await startFails(bed, { code: "STATE_INSECURE", message: /it is not a regular file/ });
  }));

test("missing parents are made, and a start that fails removes what it made", () =>
  openBed(async (bed) => {
    const deep = { ...bed, directory: `${bed.directory}/a/b` };
    await deep.run(async () => {}, deep.directory);
    assert.equal(modeOf(deep.directory), 0o700);
    fs.rmSync(bed.directory, { recursive: true });

    // A directory whose name leaves no room for the file's: the failure comes after the directory was made.
    const long = `${bed.directory}/${"long/".repeat(815)}`.slice(0, 4090);
    await assert.rejects(bed.run(async () => {}, long), { code: "STATE_UNWRITABLE" });
    assert.deepEqual(fs.readdirSync(bed.parent), []);
  }));

test("a file where a directory should be is refused", () =>
  openBed(async (bed) => {
    fs.writeFileSync(bed.directory, "");
    await startFails(bed, { code: "STATE_UNWRITABLE", message: /it is not a directory; name another$/ });
    await assert.rejects(bed.run(async () => {}, `${bed.directory}/deeper`), { code: "STATE_UNWRITABLE" });
  }));

test("a damaged state file is refused by name with what to do, and left as it is", async () => {
  const damages: [string, (bytes: Uint8Array) => Uint8Array][] = [
    ["text", () => new TextEncoder().encode("not a database at all. ".repeat(300))],
    ["a broken header", (bytes) => bytes.map((byte, i) => i < 100 ? byte ^ 0x55 : byte)],
    ["a lost end", (bytes) => bytes.slice(0, bytes.length - 4096)],
    ["a page of noise", (bytes) => bytes.map((byte, i) => i >= 8192 && i < 12_288 ? (i * 17) & 0xff : byte)],
  ];
  for (const [name, damage] of damages) {
    await openBed(async (bed) => {
      await bed.run((store) => store.commit([{ key: "key", value: new Uint8Array(40_000) }]));
      const damaged = damage(new Uint8Array(fs.readFileSync(bed.file)));
      fs.writeFileSync(bed.file, damaged);
      const message =
        /Cannot use .*selvage\.db: .*; put a backup in its place, or move it away and join again/;
      await startFails(bed, { code: "STATE_CORRUPT", message });
      assert.deepEqual(new Uint8Array(fs.readFileSync(bed.file)), damaged, name);
    });
  }
});

test("the database of another program is refused, and left as it is", () =>
  openBed(async (bed) => {
    await bed.run(async () => {});
    alter(bed.file, "PRAGMA application_id = 7");
    await startFails(bed, { code: "STATE_CORRUPT", message: /it is the database of another program/ });
    assert.equal(fs.existsSync(bed.file), true);
  }));

test("a state file without its table, or with other values in it, is damaged", () =>
  openBed(async (bed) => {
    await bed.run((store) => store.commit([{ key: "key", value: Uint8Array.of(1) }]));
    alter(bed.file, "UPDATE entries SET value = 'text'");
    await startFails(bed, { code: "STATE_CORRUPT", message: /an entry is not text and bytes/ });
    alter(bed.file, "ALTER TABLE entries RENAME TO other");
    await startFails(bed, { code: "STATE_CORRUPT" });
  }));

test("the state of a newer release is refused and stays usable by it", () =>
  openBed(async (bed) => {
    await bed.run((store) => store.commit([{ key: "key", value: Uint8Array.of(1) }]));
    alter(bed.file, "PRAGMA user_version = 3");
    await startFails(bed, {
      code: "UNSUPPORTED",
      message: /a newer release wrote it \(version 3, this one knows 2\)/,
    });
    alter(bed.file, "PRAGMA user_version = 2");
    await bed.run((store) => assert.deepEqual(store.get("key"), Uint8Array.of(1)));
  }));

test("an empty file left by a crash during the first start is taken over", () =>
  openBed(async (bed) => {
    fs.mkdirSync(bed.directory, { mode: 0o700 });
    fs.writeFileSync(bed.file, "", { mode: 0o600 });
    await bed.run((store) => store.commit([{ key: "key", value: Uint8Array.of(1) }]));
    await bed.run((store) => assert.deepEqual(store.get("key"), Uint8Array.of(1)));
  }));

test("a second store on the same directory is refused while the first works on", () =>
  openBed(async (bed) => {
    await bed.run(async (store) => {
      await startFails(bed, { code: "ALREADY_RUNNING", message: /another node is running on it/ });
      await store.commit([{ key: "key", value: Uint8Array.of(1) }]);
      await startFails(bed, { code: "ALREADY_RUNNING" });
    });
    await bed.run((store) => assert.deepEqual(store.get("key"), Uint8Array.of(1)));
  }));

test(
  "a full file system refuses a commit, keeps what is acknowledged and takes commits again once it has room",
  () =>
    openBed(async (bed) => {
      await mounted(bed.directory, "size=256k,mode=700", async () => {
        await bed.run(async (store) => {
          await store.commit([{ key: "kept", value: Uint8Array.of(1) }]);
          fs.writeFileSync(`${bed.directory}/ballast`, new Uint8Array(100_000));
          const large = { key: "large", value: new Uint8Array(150_000) };
          await assert.rejects(store.commit([large]), { code: "DISK_FULL", message: /free some space/ });
          fs.rmSync(`${bed.directory}/ballast`);
          await store.commit([{ key: "later", value: Uint8Array.of(2) }]);
        });
        await bed.run((store) =>
          assert.deepEqual([...store.entries("")].map(([key]) => key), ["kept", "later"])
        );
      });
    }),
  { skip: notRoot },
);

test(
  "a start on a full or read-only file system fails with its own code and leaves nothing",
  () =>
    openBed(async (bed) => {
      await mounted(bed.directory, "size=8k,mode=700", async () => {
        await startFails(bed, { code: "DISK_FULL" });
        assert.deepEqual(fs.readdirSync(bed.directory), []);
      });
      await mounted(bed.directory, "size=256k,mode=700", async () => {
        await bed.run(async () => {});
        execFileSync("mount", ["-o", "remount,ro", bed.directory]);
        await startFails(bed, { code: "STATE_UNWRITABLE", message: /read-only/ });
      });
      await mounted(
        bed.directory,
        "size=256k,mode=700,ro",
        () => startFails(bed, { code: "STATE_UNWRITABLE", message: /mounted read-only/ }),
      );
    }),
  { skip: notRoot },
);

test(
  "a first start that runs out of space anywhere leaves nothing, and the next one has it once there is room",
  () =>
    openBed(async (bed) => {
      for (const kilobytes of [8, 12, 16, 20]) {
        await mounted(bed.directory, `size=${kilobytes}k,mode=700`, async () => {
          await startFails(bed, { code: "DISK_FULL" });
          assert.deepEqual(fs.readdirSync(bed.directory), [], `${kilobytes} KiB`);
          execFileSync("mount", ["-o", "remount,size=1m", bed.directory]);
          await bed.run((store) => store.commit([{ key: "key", value: Uint8Array.of(1) }]));
        });
      }
    }),
  { skip: notRoot },
);

function alter(file: string, sql: string): void {
  const database = new DatabaseSync(file);
  database.exec(sql);
  database.close();
}

async function mounted(directory: string, options: string, body: () => Promise<void>): Promise<void> {
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", directory]);
  try {
    await body();
  } finally {
    execFileSync("umount", [directory]);
  }
}
