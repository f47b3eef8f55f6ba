import assert from "node:assert/strict";
import fc from "fast-check";
import { maxChannelMessage } from "../../core/contracts/host.ts";
import type { PeerId } from "../../core/contracts/values.ts";
import { encodeCbor } from "../../core/wire/cbor.ts";
import { parsePrefix } from "../../core/wire/prefix.ts";
import { test } from "../../tests/harness.ts";
import { decodeMessage, encodeMessage, type Message, pieces } from "./message.ts";

const samples: readonly Message[] = [
  { kind: "need", request: 4_000_000_000, within: parsePrefix("fd00:5e1f:a6e0::/48")!, held: 3 },
  { kind: "need", request: 0, within: parsePrefix("10.32.0.0/12")!, held: 0 },
  { kind: "none", request: 7 },
  { kind: "grants", records: [] },
  { kind: "grants", records: [new Uint8Array(180).fill(1), Uint8Array.of(2)] },
  { kind: "leaving", heir: "a".repeat(32) as PeerId },
  { kind: "mine", digest: new Uint8Array(16).fill(4) },
  { kind: "same", digest: new Uint8Array(16).fill(5) },
  { kind: "got" },
];

test("messages are read as they were written", () => {
  for (const message of samples) assert.deepEqual(decodeMessage(encodeMessage(message)), message);
});

test("messages of another version or of a kind to come are passed over", () => {
  assert.equal(decodeMessage(encodeCbor({ v: 2, k: 1, i: 7 })), undefined);
  assert.equal(decodeMessage(encodeCbor({ v: 1, k: 9, i: 7 })), undefined);
  assert.deepEqual(decodeMessage(encodeCbor({ v: 1, k: 1, i: 7, z: "later" })), samples[2]);
});

test("fields that make no sense make no message", () => {
  const wrong = [
    { v: 1, k: 0, i: 1, w: Uint8Array.of(12, 10, 33, 0, 0), h: 0 },
    { v: 1, k: 0, i: 1, w: Uint8Array.of(12, 10, 32, 0, 0), h: -1 },
    { v: 1, k: 0, i: 1, h: 0 },
    { v: 1, k: 1, i: 2 ** 32 },
    { v: 1, k: 2, g: [new Uint8Array(321)] },
    { v: 1, k: 2, g: Array.from({ length: 17 }, () => new Uint8Array(1)) },
    { v: 1, k: 2, g: ["text"] },
    { v: 1, k: 3, h: new Uint8Array(19) },
    { v: 1, k: 4, d: new Uint8Array(17) },
    { v: 1, k: 5 },
  ];
  for (const [i, fields] of wrong.entries()) {
    assert.equal(decodeMessage(encodeCbor(fields)), undefined, `case ${i}`);
  }
});

test("any bytes are read without an error", () => {
  const encoded = samples.map(encodeMessage);
  const mutated = fc.tuple(fc.constantFrom(...encoded), fc.nat(), fc.nat(255)).map(([bytes, at, value]) => {
    const copy = bytes.slice();
    copy[at % copy.length] = value;
    return copy;
  });
  const isRead = (bytes: Uint8Array) => void decodeMessage(bytes);
  fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), mutated), isRead), {
    seed: 6,
    numRuns: 5000,
  });
});

test("lists of records are cut into messages that fit a channel, in order and without loss", () => {
  const records = fc.array(fc.integer({ min: 0, max: 320 }).map((length) => new Uint8Array(length)), {
    maxLength: 60,
  });
  const holds = (list: Uint8Array[]) => {
    const cut = pieces(list);
    assert.deepEqual(cut.flat(), list);
    for (const part of cut) {
      const message = encodeMessage({ kind: "grants", records: part });
      assert.ok(part.length > 0 && message.length <= 1000 && message.length <= maxChannelMessage);
      assert.notEqual(decodeMessage(message), undefined);
    }
  };
  fc.assert(fc.property(records, holds), { seed: 7, numRuns: 500 });
});
