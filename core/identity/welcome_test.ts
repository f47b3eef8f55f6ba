import assert from "node:assert/strict";
// deno-lint-ignore selvage/no-runtime-globals -- the inspector is what may print a secret
import { inspect } from "node:util";
import { test } from "../../tests/harness.ts";
import { encodeCbor } from "../wire/cbor.ts";
import { signAnnouncement } from "./announcement.ts";
import { admit, fakeNetwork, fakeSelf, flipEachByte } from "./fake_members.ts";
import { networkKeyOf } from "./network_key.ts";
import { Secret } from "./secret.ts";
import { Trust } from "./trust.ts";
import { decodeWelcome, encodeWelcome, maxWelcomeBytes, type Welcome } from "./welcome.ts";

const founder = fakeSelf("first");
const joiner = fakeSelf("second");
const network = fakeNetwork(founder);
const admission = admit(network, founder, joiner);
const announcement = signAnnouncement(founder, { bindingNumber: 1, endpoints: [], sequence: 1 });
const welcome: Welcome = {
  networkKeys: [networkKeyOf(new Uint8Array(32).fill(201)), networkKeyOf(new Uint8Array(32).fill(202))],
  keyEpoch: 2,
  founding: network.record,
  admission,
  records: [admission],
  announcements: [announcement],
};

test("a welcome survives the way to bytes and back", () => {
  const read = decodeWelcome(encodeWelcome(welcome))!;
  assert.deepEqual(read.networkKeys.map((key) => key.secret), welcome.networkKeys.map((key) => key.secret));
  assert.deepEqual(read.networkKeys.map((key) => key.id), welcome.networkKeys.map((key) => key.id));
  assert.deepEqual({ ...read, networkKeys: [] }, { ...welcome, networkKeys: [] });
  assert.equal(read.passwordKey, undefined);
});

test("a welcome carries the password key where the network has one", () => {
  const passwordKey = new Secret(new Uint8Array(32).fill(203));
  const read = decodeWelcome(encodeWelcome({ ...welcome, passwordKey }))!;
  assert.ok(read.passwordKey?.equals(passwordKey));
});

test("a welcome is all that a joiner needs to see itself admitted", () => {
  const read = decodeWelcome(encodeWelcome(welcome))!;
  const trust = new Trust(network.founding);
  for (const record of [read.admission, ...read.records]) trust.merge(record);
  assert.equal(trust.standing(joiner.publicKey).state, "admitted");
});

test("what does not fit a welcome is left out from the end of the lists", () => {
  const records = Array.from({ length: 400 }, (_, i) => new Uint8Array(220).fill(i));
  const announcements = Array.from({ length: 100 }, (_, i) => new Uint8Array(250).fill(i));
  const bytes = encodeWelcome({ ...welcome, records, announcements });
  assert.ok(bytes.length <= maxWelcomeBytes && bytes.length > maxWelcomeBytes - 3000, `${bytes.length}`);
  const read = decodeWelcome(bytes)!;
  assert.deepEqual(read.records, records.slice(0, read.records.length));
  assert.deepEqual(read.announcements, announcements.slice(0, read.announcements.length));
  assert.ok(read.records.length >= 75 && read.announcements.length >= 38);
});

test("at most 64 announcements go into a welcome, however short", () => {
  const announcements = Array.from({ length: 100 }, () => new Uint8Array(9));
  assert.equal(decodeWelcome(encodeWelcome({ ...welcome, announcements }))?.announcements.length, 64);
});

test("even the largest parts keep a welcome within its limit", () => {
  const full = new Uint8Array(1024);
  const bytes = encodeWelcome({
    networkKeys: Array(4).fill(welcome.networkKeys[0]),
    keyEpoch: 2 ** 32 - 1,
    founding: full,
    admission: full,
    records: Array(90).fill(full),
    announcements: Array(64).fill(full),
    passwordKey: new Secret(new Uint8Array(32)),
  });
  assert.ok(bytes.length <= maxWelcomeBytes && decodeWelcome(bytes) !== undefined);
});

test("a welcome without a network key, or with five, is not made", () => {
  for (const count of [0, 5]) {
    const networkKeys = Array(count).fill(welcome.networkKeys[0]);
    assert.throws(() => encodeWelcome({ ...welcome, networkKeys }), { code: "INTERNAL" });
  }
});

const good = {
  v: 1,
  k: [new Uint8Array(32)],
  e: 1,
  f: network.record,
  a: admission,
  r: [admission],
  p: [announcement],
};
const bad: Readonly<Record<string, object>> = {
  "another version": { v: 2 },
  "no network key": { k: [] },
  "five network keys": { k: Array(5).fill(new Uint8Array(32)) },
  "a short network key": { k: [new Uint8Array(31)] },
  "key epoch 0": { e: 0 },
  "no founding record": { f: null },
  "a record over the limit": { r: [new Uint8Array(1025)] },
  "a record that is text": { r: ["record"] },
  "65 announcements": { p: Array(65).fill(new Uint8Array(1)) },
  "a short password key": { s: new Uint8Array(31) },
};

for (const [what, change] of Object.entries(bad)) {
  test(`a message with ${what} is no welcome`, () => {
    assert.ok(decodeWelcome(encodeCbor(good)));
    assert.equal(decodeWelcome(encodeCbor({ ...good, ...change })), undefined);
  });
}

test("cut, flipped and oversized welcomes raise no exception", () => {
  const bytes = encodeWelcome(welcome);
  for (const flipped of flipEachByte(bytes)) decodeWelcome(flipped);
  for (let length = 0; length < bytes.length; length++) {
    assert.equal(decodeWelcome(bytes.subarray(0, length)), undefined);
  }
  assert.equal(decodeWelcome(new Uint8Array(maxWelcomeBytes + 1)), undefined);
});

test("no secret of a welcome shows in JSON or under an inspector", () => {
  const read = decodeWelcome(
    encodeWelcome({ ...welcome, passwordKey: new Secret(new Uint8Array(32).fill(203)) }),
  );
  for (const print of [JSON.stringify(read), inspect(read, { depth: 9, maxArrayLength: null })]) {
    assert.doesNotMatch(print, /(20[123])[^0-9]+\1[^0-9]+\1/);
  }
});
