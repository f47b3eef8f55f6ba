import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { copyNamed, idNamed, recordName, recordsDigest } from "./records_digest.ts";
import { recordId } from "./signed.ts";

const records = [Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)];

test("two nodes with the same records have one digest, in whatever order they hold them", () => {
  assert.deepEqual(recordsDigest(records.toReversed()), recordsDigest(records));
  assert.equal(recordsDigest(records).length, 16);
});

test("a record more, less or changed gives another digest", () => {
  const others = [[], records.slice(1), [...records, Uint8Array.of(4)], records.with(0, Uint8Array.of(9))];
  const digests = [records, ...others].map((set) => recordsDigest(set).join());
  assert.equal(new Set(digests).size, digests.length);
});

test("a record that is named twice counts once", () => {
  assert.deepEqual(recordsDigest([...records, Uint8Array.of(2)]), recordsDigest(records));
});

test("a name is the record's id in hex, and a copy has the name of what was copied", () => {
  const record = Uint8Array.of(1, 2, 3);
  assert.deepEqual(idNamed(recordName(record)), recordId(record));
  const copy = copyNamed(record);
  record.fill(0);
  assert.deepEqual(copy, Uint8Array.of(1, 2, 3));
  assert.equal(recordName(copy), recordName(Uint8Array.of(1, 2, 3)));
});
