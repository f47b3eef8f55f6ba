import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "../../tests/harness.ts";
import { concatBytes, copyBytes, equalBytes } from "../wire/bytes.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { domainBytes } from "./domain.ts";
import { fakeSelf, flipEachByte } from "./fake_members.ts";
import {
  claimedKind,
  isNewerRecord,
  maxRecordBytes,
  openBody,
  openRecord,
  recordId,
  reopenRecord,
  signerOf,
  signRecord,
} from "./signed.ts";

const self = fakeSelf("signer");
const body = encodeCbor({ a: 1, unheardOf: "stays" });
const record = signRecord(self, "thing", body);

test("a signed record opens to its kind, body and signer", () => {
  assert.deepEqual(openRecord(record), { kind: "thing", body, signer: self.publicKey });
});

test("a record that was taken before gives the same again, and its signer, without its signature", () => {
  for (
    const each of [
      record,
      signRecord(self, "x", new Uint8Array(600)),
      signRecord(self, "x", new Uint8Array()),
    ]
  ) {
    assert.deepEqual(reopenRecord(each), openRecord(each));
    assert.deepEqual(signerOf(each), self.publicKey);
  }
});

test("a body is opaque: any bytes come back as they were", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 700 }), (bytes) => {
      assert.deepEqual(openRecord(signRecord(self, "thing", bytes))?.body, bytes);
    }),
    { seed: 3, numRuns: 30 },
  );
});

test("a record with any byte flipped is refused", () => {
  for (const flipped of flipEachByte(record)) assert.equal(openRecord(flipped), undefined);
});

test("a cut or lengthened record is refused", () => {
  for (let length = 0; length < record.length; length++) {
    assert.equal(openRecord(record.subarray(0, length)), undefined);
  }
  assert.equal(openRecord(concatBytes(record, Uint8Array.of(0))), undefined);
});

test("a longer encoding of the same envelope is refused, so a record has one id", () => {
  const longArray = concatBytes(Uint8Array.of(0x98, 5), record.subarray(1));
  const longVersion = concatBytes(record.subarray(0, 1), Uint8Array.of(0x18, 1), record.subarray(2));
  const endless = concatBytes(Uint8Array.of(0x9f), record.subarray(1), Uint8Array.of(0xff));
  for (const variant of [longArray, longVersion, endless]) assert.equal(openRecord(variant), undefined);
});

test("kind and body cannot trade bytes under one signature", () => {
  const signature = signRecord(self, "ab", Uint8Array.of(0x63)).slice(-64);
  const moved = encodeCbor([1, "abc", new Uint8Array(), self.publicKey, signature]);
  assert.equal(openRecord(moved), undefined);
});

test("a signature made for another purpose opens no record", () => {
  const signature = self.sign(concatBytes(domainBytes("other 1"), body));
  assert.equal(openRecord(encodeCbor([1, "thing", body, self.publicKey, signature])), undefined);
});

const misshapen: Readonly<Record<string, unknown>> = {
  "another version": [2, "thing", body, self.publicKey, new Uint8Array(64)],
  "four parts": [1, "thing", body, self.publicKey],
  "six parts": [1, "thing", body, self.publicKey, new Uint8Array(64), 0],
  "a kind that is no word": [1, "Thing!", body, self.publicKey, new Uint8Array(64)],
  "a kind that is no text": [1, 7, body, self.publicKey, new Uint8Array(64)],
  "a body that is no byte string": [1, "thing", "body", self.publicKey, new Uint8Array(64)],
  "a signer that is no byte string": [1, "thing", body, "key", new Uint8Array(64)],
  "a short signer": [1, "thing", body, new Uint8Array(31), new Uint8Array(64)],
  "a signature that is no byte string": [1, "thing", body, self.publicKey, null],
  "a short signature": [1, "thing", body, self.publicKey, new Uint8Array(63)],
  "a map": { v: 1 },
  "a number": 1,
};

for (const [what, value] of Object.entries(misshapen)) {
  test(`${what} is no record`, () => assert.equal(openRecord(encodeCbor(value)), undefined));
}

test("random bytes are no record", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1200 }), (bytes) => {
      assert.equal(openRecord(bytes), undefined);
    }),
    { seed: 4, numRuns: 500 },
  );
});

test("a kind that is no word and a record over the limit are not signed", () => {
  for (const kind of ["", "A", "1st", "a b", "x".repeat(33)]) {
    assert.throws(() => signRecord(self, kind, body), { code: "INVALID_ARGUMENT" });
  }
  const over = new Uint8Array(maxRecordBytes);
  assert.throws(() => signRecord(self, "thing", over), { code: "INVALID_ARGUMENT" });
});

test("a well-signed record over the limit is refused unseen", () => {
  const large = new Uint8Array(maxRecordBytes);
  const signature = self.sign(signedAs("thing", large));
  assert.equal(openRecord(encodeCbor([1, "thing", large, self.publicKey, signature])), undefined);
});

test("a body is read only for the kind that was asked for", () => {
  assert.equal(openBody(record, "thing", (fields) => fields.integer("a", 1, 1)), 1);
  assert.equal(openBody(record, "other", (fields) => fields.integer("a", 1, 1)), undefined);
  assert.equal(openBody(record, "thing", (fields) => fields.integer("b", 1, 1)), undefined);
});

test("an opened record keeps nothing of the buffer it came in", () => {
  const buffer = copyBytes(record);
  const opened = openRecord(buffer)!;
  buffer.fill(0);
  assert.deepEqual(opened.body, body);
});

test("ids of records differ with every byte and are stable", () => {
  assert.deepEqual(recordId(record), recordId(copyBytes(record)));
  assert.equal(recordId(record).length, 16);
  for (const flipped of flipEachByte(record)) assert.ok(!equalBytes(recordId(flipped), recordId(record)));
});

function signedAs(kind: string, content: Uint8Array): Uint8Array {
  return concatBytes(
    domainBytes("record 1"),
    Uint8Array.of(kind.length),
    new TextEncoder().encode(kind),
    content,
  );
}

test("the kind that bytes claim is told without a signature check", () => {
  assert.equal(claimedKind(record), "thing");
  assert.equal(claimedKind(record.with(record.length - 1, record.at(-1)! ^ 1)), "thing");
  for (const bytes of [new Uint8Array(), record.subarray(1), encodeCbor([2, "thing"]), encodeCbor("thing")]) {
    assert.equal(claimedKind(bytes), undefined);
  }
});

test("an envelope of a newer version is told apart from a damaged one", () => {
  assert.equal(isNewerRecord(encodeCbor([2, "whatever comes then"])), true);
  for (
    const bytes of [record, record.subarray(1), encodeCbor([0]), encodeCbor(["2"]), encodeCbor({ v: 2 })]
  ) {
    assert.equal(isNewerRecord(bytes), false);
  }
});
