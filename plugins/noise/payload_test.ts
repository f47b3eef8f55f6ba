import assert from "node:assert/strict";
import fc from "fast-check";
import type { AeadName } from "../../core/contracts/aead.ts";
import { encodeCbor } from "../../core/wire/cbor.ts";
import { writeU16 } from "../../core/wire/field.ts";
import { test } from "../../tests/harness.ts";
import {
  chooseAead,
  chooseVersion,
  decodeAdmission,
  decodeAnswer,
  decodeApplication,
  decodeChoice,
  decodeKnockOffer,
  decodeOffer,
  encodeAdmission,
  encodeAnswer,
  encodeApplication,
  encodeChoice,
  encodeKnockOffer,
  encodeOffer,
} from "./payload.ts";

const credentials = Uint8Array.of(1, 2, 3);
const instance = new Uint8Array(8).fill(4);
const introduction = { stamp: 1_790_000_000_123, features: ["partial_checksum"], instance, credentials };
const both: readonly AeadName[] = ["aes-256-gcm", "chacha20-poly1305"];

test("offers and choices come back as they were, padded or not", () => {
  const offer = { ...introduction, versions: [1, 3] as const, aeads: both };
  for (const length of [0, 500]) {
    const payload = encodeOffer(offer, length);
    assert.ok(payload.length >= length);
    assert.deepEqual(decodeOffer(payload), offer);
  }
  const choice = { ...introduction, version: 1, aead: "aes-256-gcm" as const };
  assert.deepEqual(decodeChoice(encodeChoice(choice)), choice);
});

test("join payloads come back as they were", () => {
  assert.deepEqual(decodeKnockOffer(encodeKnockOffer([1, 2], 100)), [1, 2]);
  assert.equal(encodeKnockOffer([1, 2], 100).length, 100);
  assert.equal(decodeAdmission(encodeAdmission(1)), 1);
  assert.deepEqual(decodeApplication(encodeApplication(credentials)), credentials);
  assert.deepEqual(decodeAnswer(encodeAnswer({ welcome: credentials })), { welcome: credentials });
  const refusal = { refused: "NAME_TAKEN", reason: "no" } as const;
  assert.deepEqual(decodeAnswer(encodeAnswer(refusal)), refusal);
});

test("a later version may say more: unknown keys and AEADs are passed over", () => {
  const map = encodeCbor({ s: 1, f: [], i: instance, c: credentials, v: [1, 9], a: [7, 2, 8], zz: [1, [2]] });
  const payload = new Uint8Array(2 + map.length);
  writeU16(payload, 0, map.length);
  payload.set(map, 2);
  assert.deepEqual(decodeOffer(payload)?.aeads, ["aes-256-gcm"]);
});

test("what is no payload is undefined, never a throw", () => {
  const decoders = [
    decodeOffer,
    decodeChoice,
    decodeKnockOffer,
    decodeAdmission,
    decodeApplication,
    decodeAnswer,
  ];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      for (const decode of decoders) decode(bytes);
    }),
    { seed: 8, numRuns: 2_000 },
  );
  for (const decode of decoders) {
    assert.equal(decode(new Uint8Array()), undefined);
    assert.equal(decode(Uint8Array.of(255, 255, 0)), undefined);
  }
  assert.equal(decodeAnswer(encodeCbor({ e: "lower case", r: "" })), undefined);
});

test("an instance of another length, a fraction or a negative stamp is refused", () => {
  const good = { ...introduction, versions: [1, 1] as const, aeads: both };
  for (const bad of [{ instance: new Uint8Array(7) }, { stamp: 1.5 }, { stamp: -1 }]) {
    assert.equal(decodeOffer(encodeOffer({ ...good, ...bad }, 0)), undefined);
  }
});

test("the version is the highest that both speak", () => {
  assert.deepEqual([[1, 1], [1, 7], [0, 1]].map(([low, high]) => chooseVersion([low!, high!])), [1, 1, 1]);
  assert.deepEqual([[2, 3], [0, 0]].map(([low, high]) => chooseVersion([low!, high!])), [
    undefined,
    undefined,
  ]);
});

test("the AEAD is the one with the best ranks on both sides", () => {
  const chacha: AeadName = "chacha20-poly1305";
  const aes: AeadName = "aes-256-gcm";
  assert.equal(chooseAead([aes, chacha], [aes, chacha]), aes);
  assert.equal(chooseAead([aes, chacha], [chacha, aes]), chacha);
  assert.equal(chooseAead([chacha, aes], [aes, chacha]), chacha);
  assert.equal(chooseAead([aes], [chacha, aes]), aes);
  assert.equal(chooseAead([aes], [chacha]), undefined);
});
