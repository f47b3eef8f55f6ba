/** What a bad disk leaves of the write-ahead log: a node gets whole batches of it, or is told that some are lost. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { isMeshError } from "../../core/contracts/errors.ts";
import { isLogDamaged } from "../../core/runtime/sqlite_file_log.ts";
import { test } from "../harness.ts";
import { SimRandom } from "../sim/random.ts";
import { type Bed, openBed } from "./sqlite_bed.ts";

const batches = 12;

interface Log {
  /** A directory as a power cut leaves it: the file, and all batches in its log. */
  readonly directory: string;
  readonly bytes: Uint8Array;
  /** Where each batch ends in the log. */
  readonly ends: readonly number[];
}

/** Every batch is two keys and some pages. */
async function writeLog(bed: Bed): Promise<Log> {
  const store = bed.create();
  await store.start?.(bed.signal);
  const log = `${bed.file}-wal`;
  const ends: number[] = [];
  for (let i = 0; i < batches; i++) {
    const value = new Uint8Array(200 + 3000 * (i % 4)).fill(i + 1);
    await store.commit([{ key: `left/${i}`, value }, { key: `right/${i}`, value }]);
    ends.push(fs.statSync(log).size);
  }
  const directory = `${bed.parent}/cut`;
  // By another process: closing a descriptor of the file here would drop the lock on it.
  execFileSync("cp", ["-a", bed.directory, directory]);
  await store[Symbol.asyncDispose]?.();
  return { directory, bytes: new Uint8Array(fs.readFileSync(`${directory}/selvage.db-wal`)), ends };
}

/** How many batches are there after a start on this log, the first ones and whole; "named" when the start says so. */
async function startOn(bed: Bed, { directory }: Log, log: Uint8Array): Promise<number | "named"> {
  const place = `${bed.parent}/try`;
  fs.rmSync(place, { recursive: true, force: true });
  fs.cpSync(directory, place, { recursive: true });
  fs.chmodSync(place, 0o700);
  fs.writeFileSync(`${place}/selvage.db-wal`, log, { mode: 0o600 });
  try {
    let count = 0;
    await bed.run((store) => {
      const left = [...store.entries("left/")].map(([key]) => Number(key.slice(5))).sort((a, b) => a - b);
      count = left.length;
      assert.deepEqual(left, Array.from({ length: count }, (_, i) => i));
      for (const i of left) assert.deepEqual(store.get(`right/${i}`), store.get(`left/${i}`));
      assert.equal([...store.entries("right/")].length, count);
    }, place);
    return count;
  } catch (error) {
    if (!isMeshError(error) || error.code !== "STATE_CORRUPT") throw error;
    assert.deepEqual(new Uint8Array(fs.readFileSync(`${place}/selvage.db-wal`)), log, "the log was changed");
    return "named";
  }
}

test("a log cut anywhere leaves exactly the batches that end before the cut", () =>
  openBed(async (bed) => {
    const log = await writeLog(bed);
    const random = new SimRandom(20_261_123);
    const near = log.ends.slice(-4).flatMap((end) => [end - 1, end, end + 1, end + 24]);
    const cuts = [...near, ...Array.from({ length: 24 }, () => random.below(log.bytes.length))];
    for (const cut of cuts.filter((each) => each <= log.bytes.length)) {
      const expected = log.ends.filter((end) => end <= cut).length;
      assert.equal(await startOn(bed, log, log.bytes.subarray(0, cut)), expected, `cut at ${cut}`);
    }
  }));

test("a changed byte in the middle of the log is named; one in its last transactions costs only those", () =>
  openBed(async (bed) => {
    const log = await writeLog(bed);
    const random = new SimRandom(20_261_124);
    let named = 0;
    for (let i = 0; i < 60; i++) {
      const at = random.below(log.bytes.length);
      const flipped = Uint8Array.from(log.bytes);
      flipped[at]! ^= 1 << random.below(8);
      const outcome = await startOn(bed, log, flipped);
      const hit = log.ends.filter((end) => end <= at).length;
      if (outcome === "named") named++;
      // Not before the damaged one, and that one of the last two: behind these nothing proves that they were whole.
      else {assert.ok(
          outcome === hit && hit >= batches - 2,
          `byte ${at} of batch ${hit}: ${outcome} are left`,
        );}
    }
    assert.ok(named >= 40, `${named} named`);
  }));

test("a tail of noise or of zeros behind the last batch is what a power cut leaves: nothing is lost or named", () =>
  openBed(async (bed) => {
    const log = await writeLog(bed);
    const noise = new SimRandom(7).fill(new Uint8Array(9000));
    for (const tail of [noise, new Uint8Array(9000), log.bytes.subarray(32, 32 + 4120)]) {
      const torn = new Uint8Array([...log.bytes, ...tail]);
      // A frame of this very log cannot stand behind its end but by a later transaction; its sum is wrong there.
      assert.equal(await startOn(bed, log, torn), batches);
    }
  }));

test("a fold that was cut anywhere, within a page too, loses nothing: the log still has all of it", () =>
  openBed(async (bed) => {
    const log = await writeLog(bed);
    const before = new Uint8Array(fs.readFileSync(`${log.directory}/selvage.db`));
    // An orderly end has folded everything.
    const after = new Uint8Array(fs.readFileSync(bed.file));
    assert.ok(after.length > before.length);
    for (let cut = 0; cut <= after.length; cut += 9 * 512) {
      const torn = Uint8Array.from(after);
      torn.set(before.subarray(Math.min(cut, before.length)), Math.min(cut, before.length));
      torn.fill(0, Math.max(cut, before.length));
      fs.writeFileSync(`${log.directory}/selvage.db`, torn);
      assert.equal(await startOn(bed, log, log.bytes), batches, `cut at ${cut}`);
    }
  }));

test("any bytes are judged as a log without a throw, and a start on a short one is a start without", () => {
  const random = new SimRandom(9);
  for (let i = 0; i < 2000; i++) {
    const bytes = random.fill(new Uint8Array(random.below(400)));
    if (random.chance(0.5)) {
      bytes.set([0x37, 0x7f, 0x06, 0x82, 0, 0x2d, 0xe2, 0x18, 0, 0, 2, 0].slice(0, bytes.length));
    }
    assert.equal(isLogDamaged(bytes), bytes.length >= 56);
  }
});

test("any changed byte of the state file is named, or changes nothing that is read", () =>
  openBed(async (bed) => {
    const entries = Array.from({ length: 60 }, (_, i) => ({
      key: `key/${i}`,
      value: new Uint8Array(i * 40).fill(i),
    }));
    await bed.run((store) => store.commit(entries));
    const whole = new Uint8Array(fs.readFileSync(bed.file));
    const random = new SimRandom(20_261_125);
    let named = 0;
    for (let i = 0; i < 120; i++) {
      const bytes = Uint8Array.from(whole);
      bytes[i < 100 ? i : random.below(bytes.length)]! ^= 1 << random.below(8);
      fs.writeFileSync(bed.file, bytes);
      fs.rmSync(`${bed.file}-wal`, { force: true });
      try {
        await bed.run((store) => {
          assert.equal([...store.entries("")].length, entries.length);
          for (const { key, value } of entries) assert.deepEqual(store.get(key), value);
        });
      } catch (error) {
        assert.ok(isMeshError(error), String(error));
        named++;
      }
    }
    assert.ok(named >= 30, `${named} named`);
  }));
